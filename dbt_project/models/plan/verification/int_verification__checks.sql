{{ config(schema='intermediate') }}

-- The verdict on every plan of the night: one row per plan and rule, whether it holds, and what broke
-- it. The list of rules below is closed; a violation under any other name still fails its plan.
{% set areas = [
    'cash', 'lots', 'permissions', 'wash_sales', 'arithmetic', 'taxes', 'collectibles', 'costs',
    'limited_losses', 'allocation', 'settings', 'release', 'reasons', 'sizes'
] %}
with plans as (

    select
        household_id,
        plan_id
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

rules (check_name, requirement) as (

    values
    (
        'account_cash_is_not_overdrawn',
        'After all sales, purchases and costs an account keeps its minimum cash, or what it had if '
        || 'that was less; where the plan buys it is not negative.'
    ),
    (
        'sold_lots_exist_and_are_not_oversold',
        'Every lot that is sold is an open lot of that account and security, and no more of it is '
        || 'sold than it holds.'
    ),
    (
        'only_sellable_holdings_are_sold',
        'No sale exceeds what restrictions, lockups and frozen lots or positions leave sellable.'
    ),
    (
        'restricted_gains_are_not_realized',
        'No gain is realized in a holding on which a restriction forbids gains.'
    ),
    (
        'only_buyable_securities_are_bought',
        'Every purchase is permitted in its account and available at its custodian.'
    ),
    (
        'only_tradable_accounts_trade',
        'Every trade is in an account of the household that may be traded.'
    ),
    (
        'quantities_are_whole_where_required',
        'Where a custodian trades a security in whole shares, quantities are whole, unless a whole '
        || 'position is sold.'
    ),
    (
        'no_security_is_bought_and_sold_in_one_account',
        'No account has two trades in one security.'
    ),
    (
        'concentration_limits_are_not_worsened',
        'No purchase takes a security over its concentration limit, or further over it.'
    ),
    (
        'no_wash_sale_within_the_plan',
        'No security sold at a loss is bought, nor one substantially identical, in any account of '
        || 'the wash-sale group.'
    ),
    (
        'no_wash_sale_against_history',
        'On the planned trade date no purchase follows a loss sale, and no loss sale a purchase, of '
        || 'the last 30 days; without known history no loss is taken.'
    ),
    (
        'no_trade_near_that_of_a_related_taxpayer',
        'Unless the firm allows it, no loss is taken within 30 days of a purchase of the same for a '
        || 'minor, a trust or a parent of the household, and nothing is bought near a loss of theirs.'
    ),
    (
        'prices_are_the_books',
        'Every trade is priced at the closing price of the book.'
    ),
    (
        'notional_is_quantity_times_price',
        'The dollars of every trade are its quantity times its price.'
    ),
    (
        'lots_add_up_to_trades',
        'The lots of every sale add up to its quantity, proceeds, gains, losses and tax.'
    ),
    (
        'lot_gains_are_proceeds_less_basis',
        'The gain of every lot is its proceeds less its basis, wash sales included.'
    ),
    (
        'terms_follow_dates',
        'A lot is long term from the first anniversary of the day after its holding period began.'
    ),
    (
        'signs_follow_the_convention',
        'Quantities, prices and costs are positive, gains not negative, losses not positive; '
        || 'purchases and tax-advantaged accounts have none of either.'
    ),
    (
        'tax_character_follows_gains',
        'The tax character of every trade is that of its gains and losses.'
    ),
    (
        'trade_costs_add_up_to_the_plan',
        'Commissions, spreads and market impact of the trades add up to the cost of the plan.'
    ),
    (
        'trades_add_up_to_tax_impact',
        'The gains and losses of the trades add up to those of their tax units, and the taxes of the '
        || 'units to that of the plan.'
    ),
    (
        'estimated_tax_is_possible',
        'The estimated tax is within what gains and losses could cost or save at the highest rates, '
        || 'and no more losses are used than were carried in.'
    ),
    (
        'collectibles_are_taxed_as_such',
        'Long-term gain of a trust that holds metal is known, stated apart and taxed as gain from '
        || 'collectibles.'
    ),
    (
        'young_losses_are_limited',
        'A loss on shares held six months or less is limited by the exempt-interest dividends and '
        || 'capital gain distributions paid on them, and by no more.'
    ),
    (
        'trading_costs_are_known',
        'A security is traded only where its half-spread is known, and no trade is stated cheaper.'
    ),
    (
        'short_term_gains_only_where_allowed',
        'Short-term gains are realized only where the household allows them, or in an account that '
        || 'must raise cash.'
    ),
    (
        'long_term_gains_only_where_allowed',
        'Long-term gains are realized only where the firm allows them, or in an account that must '
        || 'raise cash.'
    ),
    (
        'weights_after_sum_to_one',
        'The classes after the trades fill the whole of every allocation group.'
    ),
    (
        'trades_have_a_trigger',
        'Trades are proposed only where a group is due, an account must raise cash, or losses are '
        || 'harvested for a household that wants it.'
    ),
    (
        'settings_are_usable',
        'Trades are proposed only where every setting of the household is known and inside its range.'
    ),
    (
        'weights_count_what_the_household_wants',
        'Weights are of market values, or after tax, as the household wants.'
    ),
    (
        'rebalance_is_whole',
        'A household that is rebalanced whole or not at all has no class left outside its band.'
    ),
    (
        'household_is_released',
        'Trades are proposed only for a household whose data is complete and not in execution.'
    ),
    (
        'trade_date_follows_as_of_date',
        'The planned trade date is after the session, and the plan is valid on it.'
    ),
    (
        'trades_fit_the_run_mode',
        'A plan that says it does not trade has no trades, and nights for cash or for losses have '
        || 'only trades of their kind.'
    ),
    (
        'every_trade_has_a_reason',
        'Every trade has a reason of the list that fits a sale or a purchase, and a sentence.'
    ),
    (
        'every_exception_has_a_reason',
        'Every exception has a subject of its own, a reason and a sentence.'
    ),
    (
        'missing_cash_is_told',
        'Cash that an account lacks after the trades is told for that account, to the cent.'
    ),
    (
        'trades_reach_the_minimum',
        'No trade is smaller than the household, or the fund, asks for, unless it ends a holding or '
        || 'raises needed cash.'
    ),
    (
        'lot_method_is_followed',
        'Where an account has a standing lot method, the lots sold are the head of its order.'
    ),
    (
        'trade_ids_are_unique',
        'No trade is stated twice.'
    )

),

violations as (
    {% for area in areas %}
        select
            household_id,
            plan_id,
            check_name,
            detail
        from {{ ref('int_verification__' ~ area) }}
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

broken as (

    select
        household_id,
        plan_id,
        check_name,
        count(*) as violation_count,
        array_to_string(list(detail order by detail)[:3], '; ') as first_details
    from violations
    group by household_id, plan_id, check_name

),

trade_counts as (

    select
        plan_id,
        count(*) as trade_count
    from {{ ref('int_plans__trades_joined') }}
    group by plan_id

),

expected as (

    select
        plans.household_id,
        plans.plan_id,
        rules.check_name,
        rules.requirement
    from plans
    cross join rules

)

select
    coalesce(expected.household_id, broken.household_id) as household_id,
    coalesce(expected.plan_id, broken.plan_id) as plan_id,
    coalesce(expected.check_name, broken.check_name) as check_name,
    coalesce(expected.requirement, 'This rule is not in the list of rules.') as requirement,
    broken.check_name is null as is_passed,
    case
        when broken.check_name is null
            then 'Holds for the ' || coalesce(trade_counts.trade_count, 0) || ' trades of the plan.'
        when broken.violation_count > 3
            then broken.first_details || '; and ' || (broken.violation_count - 3) || ' more'
        else broken.first_details
    end as detail
from expected
full outer join broken
    on
        expected.household_id = broken.household_id
        and expected.plan_id = broken.plan_id
        and expected.check_name = broken.check_name
left join trade_counts on coalesce(expected.plan_id, broken.plan_id) = trade_counts.plan_id
