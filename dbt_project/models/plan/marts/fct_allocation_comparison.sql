-- Before and after: every class of every allocation group, at today's weights and at those the
-- proposed trades and the payments that are due lead to. Without a plan, without trades or with a
-- withheld plan after is before, and what the drift says of the band holds.
with compared as (

    select
        compared.*,
        judged.plan_id,
        case
            when judged.plan_status = 'withheld' then compared.pre_trade_value
            else compared.post_trade_value
        end as final_value,
        case
            when judged.plan_status = 'withheld' then compared.pre_trade_weight
            else compared.post_trade_weight
        end as final_weight,
        case
            when judged.plan_status = 'withheld' or compared.trade_count = 0
                then compared.is_within_band_before
            else
                compared.post_trade_weight between compared.lower_band_weight
                and compared.upper_band_weight
        end as is_within_band
    from {{ ref('int_allocation__compared') }} as compared
    left join {{ ref('fct_rebalance_plans') }} as judged
        on
            compared.household_id = judged.household_id
            and judged.as_of_date = {{ as_of_date() }}

)

select
    {{ as_of_date() }} as as_of_date,
    allocation_group_id,
    asset_class,
    household_id,
    plan_id,
    target_weight,
    lower_band_weight,
    upper_band_weight,
    pre_trade_weight,
    final_weight as post_trade_weight,
    cast(pre_trade_weight - target_weight as decimal(18, 10)) as pre_trade_drift,
    cast(final_weight - target_weight as decimal(18, 10)) as post_trade_drift,
    pre_trade_value,
    final_value as post_trade_value,
    -- a weight on the edge is inside; Unmapped has no band and is reported as an exception
    case when asset_class <> 'Unmapped' then is_within_band end as is_within_band_after,
    asset_class_rank,
    value_basis
from compared
-- a class that only a withheld plan would have bought is neither held nor a target
where final_value <> 0 or pre_trade_value <> 0 or target_weight <> 0 or asset_class_rank is not null
