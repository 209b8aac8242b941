{{ config(schema='intermediate') }}

-- A plan's taxes: totals per tax unit, gains that the household does not allow, and the bounds that
-- the law sets to any estimate. The estimate itself is the tax step's; here it is only held against
-- what no return could exceed. One row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}
    where tax_treatment = 'taxable'

),

trade_lots as (

    select *
    from {{ ref('int_plans__trade_lots_joined') }}
    where tax_treatment = 'taxable'

),

plans as (

    select *
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

impact as (

    select *
    from {{ source('rebalance', 'tax_impact') }}
    where as_of_date = {{ as_of_date() }}

),

totals as (

    select
        household_id,
        plan_id,
        tax_unit_id,
        year(planned_trade_date) as tax_year,
        count(*) as trade_count,
        sum(realized_short_term_gain) as short_term_gain,
        sum(realized_short_term_loss) as short_term_loss,
        sum(realized_long_term_gain) as long_term_gain,
        sum(realized_long_term_loss) as long_term_loss
    from trades
    where action = 'sell'
    group by all

),

compared as (

    select
        impact.realized_short_term_gain,
        impact.realized_short_term_loss,
        impact.realized_long_term_gain,
        impact.realized_long_term_loss,
        impact.estimated_tax,
        impact.carryforward_used,
        coalesce(totals.household_id, impact.household_id) as household_id,
        coalesce(totals.plan_id, impact.plan_id) as plan_id,
        coalesce(totals.tax_unit_id, impact.tax_unit_id) as tax_unit_id,
        coalesce(totals.tax_year, impact.tax_year) as tax_year,
        impact.plan_id is null as is_impact_missing,
        coalesce(totals.trade_count, 1) * 0.01 as tolerance,
        coalesce(totals.short_term_gain, 0) as short_term_gain,
        coalesce(totals.short_term_loss, 0) as short_term_loss,
        coalesce(totals.long_term_gain, 0) as long_term_gain,
        coalesce(totals.long_term_loss, 0) as long_term_loss
    from totals
    full outer join impact
        on
            totals.plan_id = impact.plan_id
            and totals.tax_unit_id = impact.tax_unit_id
            and totals.tax_year = impact.tax_year

),

-- No dollar of gain can cost more than the highest ordinary rate, the highest gains rate (it may push
-- another gain into the next gains bracket), the tax on net investment income and the state's rate.
highest_rates as (

    select
        (select max(rate) from {{ ref('seed_ordinary_tax_brackets') }})
        + (select max(rate) from {{ ref('seed_capital_gains_brackets') }})
        + (select max(rate) from {{ ref('seed_net_investment_income_tax') }}) as federal_rate

),

bounded as (

    select
        compared.*,
        coalesce(states.short_term_carryforward, 0) + coalesce(states.long_term_carryforward, 0)
            as carryforward,
        highest_rates.federal_rate
        + greatest(coalesce(states.state_rate, 0), coalesce(states.state_gains_rate, 0)) as highest_rate
    from compared
    left join {{ source('tax', 'tax_unit_states') }} as states
        on
            compared.tax_unit_id = states.tax_unit_id
            and compared.tax_year = states.tax_year
            and states.as_of_date = {{ as_of_date() }}
    cross join highest_rates

),

-- Cash that an account must raise may come from any lot.
cash_raising_accounts as (

    select account_id
    from {{ ref('fct_account_cash') }}
    where
        as_of_date = {{ as_of_date() }}
        and investable < 0

),

households as (

    select *
    from {{ ref('dim_households') }}
    where as_of_date = {{ as_of_date() }}

),

unit_taxes as (

    select
        plan_id,
        count(*) as unit_count,
        count(*) - count(estimated_tax) as units_without_tax,
        sum(estimated_tax) as estimated_tax
    from impact
    group by plan_id

)

select
    household_id,
    plan_id,
    'trades_add_up_to_tax_impact' as check_name,
    case
        when is_impact_missing then 'tax unit ' || tax_unit_id || ' has sales but no tax impact'
        else 'tax unit ' || tax_unit_id || ': the stated gains and losses are not those of its trades'
    end as detail
from compared
where
    is_impact_missing
    or coalesce(abs(short_term_gain - realized_short_term_gain) > tolerance, true)
    or coalesce(abs(short_term_loss - realized_short_term_loss) > tolerance, true)
    or coalesce(abs(long_term_gain - realized_long_term_gain) > tolerance, true)
    or coalesce(abs(long_term_loss - realized_long_term_loss) > tolerance, true)
union all
select
    plans.household_id,
    plans.plan_id,
    'trades_add_up_to_tax_impact' as check_name,
    'the plan states a tax of ' || coalesce('$' || plans.estimated_tax, 'nothing')
    || ', its tax units of ' || coalesce('$' || unit_taxes.estimated_tax, 'nothing') as detail
from plans
inner join unit_taxes on plans.plan_id = unit_taxes.plan_id
where
    case
        when unit_taxes.units_without_tax > 0 then plans.estimated_tax is not null
        else
            plans.estimated_tax is null
            or abs(plans.estimated_tax - unit_taxes.estimated_tax) > 0.01 * unit_taxes.unit_count
    end
union all
select
    household_id,
    plan_id,
    'estimated_tax_is_possible' as check_name,
    'tax unit ' || tax_unit_id || ': an estimated tax of $' || estimated_tax
    || ' cannot come from gains of $' || (short_term_gain + long_term_gain) || ' and losses of $'
    || (short_term_loss + long_term_loss) as detail
from bounded
where
    estimated_tax > (short_term_gain + long_term_gain) * highest_rate + tolerance
    or estimated_tax < (short_term_loss + long_term_loss) * highest_rate - tolerance
union all
select
    household_id,
    plan_id,
    'estimated_tax_is_possible' as check_name,
    'tax unit ' || tax_unit_id || ': $' || carryforward_used || ' of losses carried forward are used, $'
    || carryforward || ' were carried in' as detail
from bounded
where carryforward_used < 0 or carryforward_used > carryforward + tolerance
union all
select
    trade_lots.household_id,
    trade_lots.plan_id,
    'short_term_gains_only_where_allowed' as check_name,
    trade_lots.account_label || format(
        ': a short-term gain of ${:,.2f} is realized in ', cast(trade_lots.realized_gain as double)
    ) || trade_lots.security_label || ', which the household does not allow' as detail
from trade_lots
inner join households on trade_lots.household_id = households.household_id
where
    trade_lots.expected_term = 'short'
    and trade_lots.realized_gain > 0.01
    and not coalesce(households.allows_short_term_gains, false)
    and trade_lots.trade_account_id not in (
        select cash_raising_accounts.account_id from cash_raising_accounts
    )
union all
select
    household_id,
    plan_id,
    'long_term_gains_only_where_allowed' as check_name,
    account_label || format(
        ': a long-term gain of ${:,.2f} is realized in ', cast(realized_gain as double)
    ) || security_label || ', which the firm does not allow' as detail
from trade_lots
where
    not {{ required_variable('long_term_gains_allowed') }}
    and expected_term = 'long'
    and realized_gain > 0.01
    and trade_account_id not in (select cash_raising_accounts.account_id from cash_raising_accounts)
