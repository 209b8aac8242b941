-- The after-tax base, recomputed account by account from the tax profiles' file: positions, cash and fees of
-- the accounts that count, tax-deferred ones less the tax expected in retirement.
{{ config(meta={'dagster': {'ref': {'name': 'fct_drift_summary'}}}) }}

with rates as (
    select
        tax_unit_id,
        expected_retirement_rate
    from {{ ref("stg_tax_profiles") }}
    where tax_year = year({{ planned_trade_date() }})
),

accounts as (
    select
        states.account_id,
        states.allocation_group_id,
        case when states.tax_treatment = 'tax_deferred' then 1 - rates.expected_retirement_rate else 1 end
            as left_after_tax
    from {{ ref("int_accounts__states") }} as states
    left join rates on states.tax_unit_id = rates.tax_unit_id
    where states.counts_toward_allocation and states.account_status <> 'closed'
),

held as (
    select
        accounts.allocation_group_id,
        sum(positions.market_value * accounts.left_after_tax) as after_tax_value
    from accounts
    inner join {{ ref("int_positions__valued") }} as positions on accounts.account_id = positions.account_id
    group by accounts.allocation_group_id
),

cash as (
    select
        accounts.allocation_group_id,
        sum(
            (coalesce(cash.trade_date - cash.margin_debit, 0) - cash.fee_reserve) * accounts.left_after_tax
        ) as after_tax_value
    from accounts
    inner join {{ ref("fct_account_cash") }} as cash on accounts.account_id = cash.account_id
    where cash.as_of_date = {{ as_of_date() }}
    group by accounts.allocation_group_id
)

select
    summary.allocation_group_id,
    summary.after_tax_value
from {{ ref("fct_drift_summary") }} as summary
left join held on summary.allocation_group_id = held.allocation_group_id
left join cash on summary.allocation_group_id = cash.allocation_group_id
where
    summary.as_of_date = {{ as_of_date() }}
    and summary.value_basis = 'after_tax'
    and (
        summary.after_tax_value is null
        or abs(
            summary.after_tax_value - coalesce(held.after_tax_value, 0) - coalesce(cash.after_tax_value, 0)
        ) > 0.01
    )
