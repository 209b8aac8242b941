with drift as (
    select
        allocation_group_id,
        household_id,
        min(base) as market_value,
        count(*) filter (where is_breach and target_level = 'class') as breach_count,
        count(*) filter (where is_breach_projected and target_level = 'class') as projected_breach_count,
        -- What is not checked tonight triggers nothing.
        bool_or(is_breach and is_check_due) as has_any_breach,
        min(value_basis) as value_basis,
        min(after_tax_base) as after_tax_value,
        min(next_check_date) as next_check_date,
        max(abs(absolute_drift)) filter (where target_level = 'class' and target_key <> 'Unmapped')
            as max_absolute_drift,
        coalesce(max(actual_weight) filter (where target_level = 'class' and target_key = 'Unmapped'), 0)
            as unmapped_weight
    from {{ ref("int_drift__measured") }}
    group by allocation_group_id, household_id
),

cash as (
    select
        accounts.allocation_group_id,
        bool_or(cash.flow_reserve > 0 or cash.contributions_due > 0) as has_flow_due,
        bool_or(cash.investable < 0) as has_shortfall
    from {{ ref("int_accounts__identified") }} as accounts
    inner join {{ ref("fct_account_cash") }} as cash
        on
            accounts.account_id = cash.account_id
            and cash.as_of_date = {{ as_of_date() }}
    where accounts.allocation_group_id is not null
    group by accounts.allocation_group_id
),

triggers as (
    select
        drift.*,
        reviews.next_review_date,
        reviews.rebalance_trigger,
        nullif(
            concat_ws(
                ', ',
                case
                    when drift.has_any_breach and reviews.rebalance_trigger <> 'calendar' then 'band'
                end,
                case
                    when reviews.is_review_due and reviews.rebalance_trigger <> 'threshold' then 'calendar'
                end,
                case when cash.has_flow_due then 'cash_flow' end,
                case when cash.has_shortfall then 'cash_shortfall' end,
                case
                    when
                        reviews.ips_changed_date <= {{ as_of_date() }}
                        and (
                            reviews.last_review_date is null
                            or reviews.ips_changed_date > reviews.last_review_date
                        )
                        then 'ips_changed'
                end
            ),
            ''
        ) as trigger_reasons
    from drift
    inner join {{ ref("int_groups__settings") }} as reviews
        on drift.allocation_group_id = reviews.allocation_group_id
    left join cash on drift.allocation_group_id = cash.allocation_group_id
)

select
    {{ as_of_date() }} as as_of_date,
    allocation_group_id,
    household_id,
    market_value,
    cast(breach_count as integer) as breach_count,
    cast(projected_breach_count as integer) as projected_breach_count,
    cast(coalesce(max_absolute_drift, 0) as decimal(18, 10)) as max_absolute_drift,
    cast(unmapped_weight as decimal(18, 10)) as unmapped_weight,
    trigger_reasons,
    trigger_reasons is not null as is_rebalance_due,
    next_review_date,
    value_basis,
    after_tax_value,
    rebalance_trigger,
    next_check_date
from triggers
