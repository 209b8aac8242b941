-- Which custodians each rule could be asked of tonight, and why not: no violation is not the same as passed
-- where a file does not state what the rule looks at, or nothing is there to compare with. Rules that need
-- nothing but the accounts are not listed.
{% set no_lots = "No file tells tax lots of its accounts." -%}
{% set no_night = "There is no earlier night to compare with." -%}
{% set no_delivery = "There is no earlier delivery to compare with." -%}
{% set lots = ["has_lots", no_lots] -%}
{% set positions = ["has_positions", "Tonight's files hold no positions of its accounts."] -%}
{% set covered = ["has_covered_status", "No file states whether a lot is covered."] -%}
{% set costs = ["has_costs", "No file states the cost of a lot."] -%}
{% set washed = ["has_wash_sale_words", "No file says of a lot whether a wash sale adjusts it."] -%}
{% set dated = ["has_dated_prices", "No file states the day of the prices of its holdings."] -%}
{% set positions_before = ["has_positions_before", no_night] -%}
{% set told = ["is_told", "Tonight's files tell no transactions of accounts that the last night held."] -%}
{% set lots_before = ["has_lots_before", no_night] -%}

{#- Each rule: the accounts that it is about, and what it needs of an account, in the order in which the
    reasons are told. -#}
{% set rules = {
    "account_is_open_at_custodian": ["true", [
        ["has_account_status", "No list of its accounts says whether they are open."]
    ]],
    "market_value_is_quantity_times_price": ["true", [
        positions, ["has_checked_values", "No file states quantity, price and value of a holding."]
    ]],
    "price_sources_agree": ["true", [
        positions, ["has_values", "No file states the value of a holding."]
    ]],
    "price_is_recent": ["true", [positions, dated]],
    "valuation_is_recent": ["true", [positions, dated]],
    "listed_price_is_of_the_session": ["true", [positions, dated]],
    "price_moves_within_reason": ["true", [["has_prices_before", no_night]]],
    "undated_prices_have_moved": ["true", [["has_prices_before", no_night]]],
    "quantity_agrees_with_side": ["true", [
        positions, ["has_sides", "No file states the side (long or short) of a holding."]
    ]],
    "settled_quantity_awaits_a_trade": ["true", [
        ["has_settled_quantities", "No file states a settled quantity."],
        ["has_history", "No file tells since when transactions of its accounts are known."]
    ]],
    "matured_holding_is_gone": ["true", [
        positions, ["has_ends", "No file states when its bonds and contracts end."]
    ]],
    "cusip_is_valid": ["true", [
        positions, ["has_cusips", "No file states the CUSIP of a holding."]
    ]],
    "second_source_agrees_on_positions": ["true", [
        ["has_second_positions", "No account has a second source of positions."]
    ]],
    "second_source_agrees_on_cash": ["true", [
        ["has_second_cash", "No account has a second source of cash."]
    ]],
    "quantity_rolls_forward": ["true", [positions_before, told]],
    "cash_rolls_forward": ["true", [
        ["has_cash_before", no_night],
        told,
        ["is_cash_compared", "Its cash or its transactions are not in dollars alone, or not known."]
    ]],
    "market_value_is_near_the_last": ["true", [
        positions_before, positions
    ]],
    "row_count_is_near_the_last": ["true", [["has_row_counts", no_delivery]]],
    "positions_file_is_new": ["true", [
        ["has_earlier_positions", no_delivery],
        positions
    ]],
    "delivery_has_no_gap": ["true", [
        ["has_transactions", "No file of tonight tells transactions."],
        ["has_earlier_transactions", no_delivery]
    ]],
    "lots_add_up_to_position": ["true", [lots]],
    "lots_have_a_position": ["true", [
        lots, positions
    ]],
    "lot_id_is_unique": ["true", [lots, ["has_lot_ids", "No file gives a lot an id."]]],
    "lot_is_in_the_masters": ["true", [
        lots, ["has_masters", "No file of tonight lists its accounts or its securities."]
    ]],
    "acquisition_date_is_not_in_the_future": ["true", [lots]],
    "alike_lots_keep_their_number": ["true", [positions_before, told, lots_before, lots]],
    "covered_status_agrees_with_account": ["not is_taxable", [lots, covered]],
    "acquisition_dates_are_not_all_new": ["is_taxable", [lots]],
    "lot_has_basis": ["is_taxable", [lots]],
    "covered_lot_has_basis": ["is_taxable", [lots, covered]],
    "lot_basis_is_not_negative": ["is_taxable", [lots, costs]],
    "lot_basis_is_above_zero": ["is_taxable", [lots, costs]],
    "unit_cost_is_near_the_price": ["is_taxable", [lots, costs]],
    "acquisition_date_is_known": ["is_taxable", [lots]],
    "acquisition_date_is_real": ["is_taxable", [lots]],
    "covered_status_agrees_with_date": ["is_taxable", [lots, covered]],
    "term_agrees_with_dates": ["is_taxable", [
        lots, ["has_terms", "No file states the term of a lot."]
    ]],
    "holding_period_start_is_explained": ["is_taxable", [
        lots, ["has_holding_periods", "No file states when the holding period of a lot begins."]
    ]],
    "wash_sale_amount_is_known": ["is_taxable", [lots, washed]],
    "wash_sale_has_its_loss": ["is_taxable", [
        lots,
        washed,
        ["has_history_of_washed", "No history reaches 30 days before the purchase of an adjusted lot."]
    ]],
    "lot_basis_is_unit_cost_times_quantity": ["is_taxable", [
        lots, ["has_unit_costs", "No file states the unit cost of a lot."]
    ]],
    "lot_basis_is_the_sum_of_its_parts": ["is_taxable", [
        lots, ["has_parts", "No file states the parts of a lot's cost."]
    ]],
    "lot_basis_adds_up_to_position": ["is_taxable", [
        lots, ["has_position_costs", "No file states the cost of a position."]
    ]],
    "lot_gains_add_up_to_position": ["is_taxable", [
        lots,
        ["has_gains_of_lots", "No file states the unrealized gain of a lot."],
        ["has_gains_of_positions", "No file states the unrealized gain of a position."]
    ]],
    "basis_change_is_explained": ["is_taxable", [lots_before, lots]],
    "acquisition_date_is_unchanged": ["is_taxable", [lots_before, lots]],
    "sold_lots_add_up": ["is_taxable", [
        lots_before, lots, ["has_closed_lots", "No file of tonight tells closed lots."]
    ]],
    "closed_lot_follows_the_lot_method": ["is_taxable", [
        ["has_lot_method", "Neither the custodian nor the firm states a lot method of its accounts."],
        ["has_disposal_methods", "No file states by which method a sale of this year was relieved."]
    ]],
    "named_lots_are_delivered": ["is_taxable", [
        ["has_named_lots", "No earlier night named lots for a sale in its accounts."]
    ]],
    "basis_is_kept_through_an_action": ["is_taxable", [
        lots_before, ["has_actions", "No split, merger or spin-off of these days is known of what it holds."]
    ]],
} -%}

with lots as (
    select
        lots.account_id,
        true as has_lots,
        count(lots.source_lot_id) > 0 as has_lot_ids,
        count(lots.cost_basis) > 0 as has_costs,
        count(lots.unit_cost) > 0 as has_unit_costs,
        count(lots.term) > 0 as has_terms,
        count(lots.holding_period_start_date) > 0 as has_holding_periods,
        count(*) filter (where lots.covered_status in ('COVERED', 'NONCOVERED')) > 0 as has_covered_status,
        count(lots.wash_sale_flag) > 0 or count(lots.wash_sale_adjustment) > 0 as has_wash_sale_words,
        count(lots.cost_basis_unadjusted) > 0
        or count(lots.wash_sale_adjustment) > 0
        or count(lots.amortization_adjustment) > 0
        or count(lots.return_of_capital_adjustment) > 0 as has_parts,
        count(lots.unrealized_gain_loss) > 0 as has_gains_of_lots,
        -- Without an adjusted lot nothing stands in the way.
        not coalesce(
            bool_or(
                (lots.wash_sale_flag or lots.wash_sale_adjustment > 0)
                and not coalesce(coverage.history_from_date <= lots.acquisition_date - 30, false)
            ),
            false
        ) as has_history_of_washed
    from {{ ref("int_lots__received") }} as lots
    left join {{ ref("int_transactions__coverage") }} as coverage on lots.account_id = coverage.account_id
    group by lots.account_id
),

previous_prices as (
    select distinct security_id
    from {{ ref("int_changes__positions_before") }}
    where price > 0
),

-- Bonds and contracts of which nobody says when they end.
endless as (
    select security_id
    from {{ ref("int_securities__described") }}
    where
        ({{ is_debt("security_type") }} or security_type in ('OPTION', 'FUTURE'))
        and maturity_date is null
        and expiration_date is null
),

holdings as (
    select
        positions.account_id,
        true as has_positions,
        count(positions.custodian_cost_basis) > 0 as has_position_costs,
        count(positions.custodian_market_value) > 0 as has_values,
        count(positions.checked_market_value) > 0 as has_checked_values,
        coalesce(bool_or(prices.is_price_date_stated), false) as has_dated_prices,
        count(previous_prices.security_id) > 0 as has_prices_before,
        not coalesce(bool_or(endless.security_id is not null), false) as has_ends
    from {{ ref("int_positions__aggregated") }} as positions
    left join endless on positions.security_id = endless.security_id
    left join {{ ref("int_securities__priced") }} as prices on positions.security_id = prices.security_id
    left join previous_prices on positions.security_id = previous_prices.security_id
    group by positions.account_id
),

rows_of_holdings as (
    select
        account_id,
        count(settled_quantity) > 0 as has_settled_quantities,
        count(unrealized_gain_loss) > 0 as has_gains_of_positions,
        count(long_short) > 0 as has_sides,
        count(cusip) > 0 as has_cusips
    from {{ ref("int_positions__sources") }}
    where not is_counted_elsewhere and coalesce(security_type, '') <> 'CASH'
    group by account_id
),

-- Accounts about which something is known that a rule sets beside tonight's rows.
{% for name, model, condition in [
    ["second_positions", "int_cross_checks__positions", "set_aside_because <> 'newer_delivery'"],
    ["second_cash", "int_cross_checks__cash", "set_aside_because <> 'newer_delivery'"],
    ["positions_before", "int_changes__positions_before", "true"],
    ["cash_before", "int_changes__cash_before", "true"],
    ["lots_before", "int_changes__lots_before", "true"],
    ["told", "int_changes__positions", "true"],
    ["compared_cash", "int_changes__cash", "not has_foreign_activity"],
    ["history", "int_transactions__coverage", "history_from_date is not null"],
] -%}
    {{ name }} as (
        select distinct account_id
        from {{ ref(model) }}
        where {{ condition }}
    ),

{% endfor -%}
changed_by_actions as (
    select security_id from {{ ref("int_changes__corporate_actions") }}
    where ratio is not null
    union
    select new_security_id as security_id from {{ ref("int_changes__corporate_actions") }}
    where ratio is not null
),

actions as (
    select distinct lots.account_id
    from {{ ref("int_changes__lots_before") }} as lots
    inner join changed_by_actions on lots.security_id = changed_by_actions.security_id
),

files as (
    select
        custodian,
        entity,
        as_of_date = {{ as_of_date() }} as is_tonight,
        as_of_date >= {{ as_of_date() }} - 10 and coalesce(delivery_mode, 'FULL') <> 'DELTA' as is_counted,
        feed_role,
        row_count
    from {{ ref("stg_source_files") }}
),

counted_files as (
    select
        custodian,
        entity,
        bool_or(is_tonight) and bool_or(not is_tonight) as is_repeated
    from files
    where
        is_counted
        and entity in ('accounts', 'securities', 'positions', 'tax_lots', 'cash_balances', 'prices')
    group by custodian, entity
),

deliveries as (
    select
        custodian,
        bool_or(is_tonight and entity in ('accounts', 'securities') and row_count > 0) as has_masters,
        bool_or(is_tonight and entity = 'closed_lots') as has_closed_lots,
        bool_or(not is_tonight and entity = 'positions' and row_count > 0) as has_earlier_positions,
        bool_or(is_tonight and entity = 'transactions' and feed_role = 'source') as has_transactions,
        bool_or(not is_tonight and entity = 'transactions' and feed_role = 'source')
            as has_earlier_transactions
    from files
    group by custodian
),

relieved as (
    select distinct account_id
    from {{ ref("int_closed_lots__merged") }}
    where
        nullif(disposal_method, 'UNKNOWN') is not null
        and disposal_date >= least({{ as_of_date() }} - 61, date_trunc('year', {{ as_of_date() }}))
),

named as (
    select distinct account_id from {{ ref("int_lots__instructed") }}
),

repeated as (
    select
        custodian,
        bool_or(is_repeated) as has_row_counts
    from counted_files
    group by custodian
),

-- What is known of each account: one row, true or false for everything that a rule needs.
known as materialized (
    select
        accounts.account_id,
        accounts.custodian,
        coalesce(accounts.tax_treatment, 'taxable') = 'taxable' as is_taxable,
        accounts.custodian_account_status is not null as has_account_status,
        {% for column in [
            "has_lots", "has_lot_ids", "has_costs", "has_unit_costs", "has_terms", "has_holding_periods",
            "has_covered_status", "has_wash_sale_words", "has_parts", "has_gains_of_lots",
            "has_history_of_washed"
        ] -%}
            coalesce(lots.{{ column }}, false) as {{ column }},
        {% endfor -%}
        {% for column in [
            "has_positions", "has_position_costs", "has_values", "has_checked_values", "has_dated_prices",
            "has_prices_before", "has_ends"
        ] -%}
            coalesce(holdings.{{ column }}, false) as {{ column }},
        {% endfor -%}
        {% for column in [
            "has_settled_quantities", "has_gains_of_positions", "has_sides", "has_cusips"
        ] -%}
            coalesce(rows_of_holdings.{{ column }}, false) as {{ column }},
        {% endfor -%}
        {% for column in [
            "has_masters", "has_closed_lots", "has_earlier_positions", "has_transactions",
            "has_earlier_transactions"
        ] -%}
            coalesce(deliveries.{{ column }}, false) as {{ column }},
        {% endfor -%}
        coalesce(repeated.has_row_counts, false) as has_row_counts,
        second_positions.account_id is not null as has_second_positions,
        second_cash.account_id is not null as has_second_cash,
        positions_before.account_id is not null as has_positions_before,
        cash_before.account_id is not null as has_cash_before,
        lots_before.account_id is not null as has_lots_before,
        told.account_id is not null as is_told,
        compared_cash.account_id is not null as is_cash_compared,
        history.account_id is not null as has_history,
        coalesce(accounts.custodian_lot_method, accounts.lot_method) is not null as has_lot_method,
        relieved.account_id is not null as has_disposal_methods,
        named.account_id is not null as has_named_lots,
        actions.account_id is not null as has_actions
    from {{ ref("int_accounts__identified") }} as accounts
    left join lots on accounts.account_id = lots.account_id
    left join holdings on accounts.account_id = holdings.account_id
    left join rows_of_holdings on accounts.account_id = rows_of_holdings.account_id
    left join second_positions on accounts.account_id = second_positions.account_id
    left join second_cash on accounts.account_id = second_cash.account_id
    left join positions_before on accounts.account_id = positions_before.account_id
    left join cash_before on accounts.account_id = cash_before.account_id
    left join lots_before on accounts.account_id = lots_before.account_id
    left join told on accounts.account_id = told.account_id
    left join compared_cash on accounts.account_id = compared_cash.account_id
    left join history on accounts.account_id = history.account_id
    left join actions on accounts.account_id = actions.account_id
    left join relieved on accounts.account_id = relieved.account_id
    left join named on accounts.account_id = named.account_id
    left join deliveries on accounts.custodian = deliveries.custodian
    left join repeated on accounts.custodian = repeated.custodian
    where coalesce(accounts.account_status, 'open') <> 'closed'
)

{% for rule, demand in rules.items() -%}
    {% set needs = demand[1] -%}
    select
        '{{ rule }}' as rule,
        custodian,
        count(*) as account_count,
        count(*) filter (where {{ needs | map(attribute=0) | join(" and ") }}) as asked_account_count,
        case
            {% for need, reason in needs -%}
                when not bool_or({{ (needs[:loop.index] | map(attribute=0)) | join(" and ") }})
                    then '{{ reason | replace("'", "''") }}'
            {% endfor %}
        end as reason
    from known
    where {{ demand[0] }}
    group by custodian
    {% if not loop.last %}union all
    {% endif %}
{%- endfor %}
