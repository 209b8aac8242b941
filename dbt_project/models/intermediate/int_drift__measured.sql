-- Drift of every target of every level, and of classes that are held without a target, against the
-- group's base. The base is what is held plus trade-date cash less fees due.
with bases as (
    select
        allocation_group_id,
        min(household_id) as household_id,
        sum(market_value) as base,
        sum(projected_market_value) as projected_base
    from {{ ref("int_exposures__by_group") }}
    group by allocation_group_id
    having sum(market_value) > 0
),

held as (
    select
        allocation_group_id,
        'class' as target_level,
        asset_class as target_key,
        sum(market_value) as market_value,
        sum(projected_market_value) as projected_market_value,
        sum(reserved_value) as reserved_value
    from {{ ref("int_exposures__by_group") }}
    group by allocation_group_id, asset_class
    union all
    select
        allocation_group_id,
        'sub_class' as target_level,
        sub_class as target_key,
        sum(market_value) as market_value,
        sum(projected_market_value) as projected_market_value,
        0 as reserved_value
    from {{ ref("int_exposures__by_group") }}
    where sub_class is not null
    group by allocation_group_id, sub_class
    union all
    select
        allocation_group_id,
        'security' as target_level,
        security_id as target_key,
        sum(market_value) as market_value,
        sum(projected_market_value) as projected_market_value,
        0 as reserved_value
    from {{ ref("int_exposures__by_group") }}
    where security_id is not null
    group by allocation_group_id, security_id
),

targets as (
    select
        *,
        case target_level when 'security' then security_id else target_key end as held_key
    from {{ ref("int_targets__banded") }}
),

targeted_groups as (
    select distinct allocation_group_id from targets
),

joined as (
    select
        coalesce(targets.allocation_group_id, held.allocation_group_id) as allocation_group_id,
        coalesce(targets.target_level, held.target_level) as target_level,
        coalesce(targets.target_key, held.target_key) as target_key,
        coalesce(targets.asset_class, case when held.target_level = 'class' then held.target_key end)
            as asset_class,
        targets.security_id,
        coalesce(targets.target_weight, 0) as target_weight,
        -- A class that the statement does not name has no target: its band is the firm's around nothing.
        coalesce(
            targets.band_half_width,
            {{ band_half_width(
                "cast(0 as decimal(18, 10))",
                policy_number("default_absolute_band"),
                policy_number("default_relative_band"),
                policy_text("default_band_rule"),
                policy_number("default_band_floor")
            ) }}
        ) as band_half_width,
        coalesce(held.market_value, 0) as market_value,
        coalesce(held.projected_market_value, 0) as projected_market_value,
        coalesce(held.reserved_value, 0) as reserved_value
    from targets
    full outer join held
        on
            targets.allocation_group_id = held.allocation_group_id
            and targets.target_level = held.target_level
            and targets.held_key = held.target_key
    -- Sub-classes and securities are measured where they have a target; classes also where held.
    where
        targets.target_key is not null
        or (held.target_level = 'class' and (held.market_value <> 0 or held.projected_market_value <> 0))
),

weighed as (
    select
        bases.household_id,
        joined.*,
        bases.base,
        coalesce({{ weight_of("joined.market_value", "bases.base") }}, 0) as actual_weight,
        -- With nothing left after the flows there is nothing to be weighed.
        coalesce(
            {{ weight_of("joined.projected_market_value", "bases.projected_base") }}, 0
        ) as projected_weight,
        coalesce(
            {{ weight_of("joined.market_value - joined.reserved_value", "bases.base") }}, 0
        ) as unreserved_weight,
        greatest(joined.target_weight - joined.band_half_width, 0) as lower_band_weight,
        joined.target_weight + joined.band_half_width as upper_band_weight
    from joined
    inner join bases on joined.allocation_group_id = bases.allocation_group_id
    inner join targeted_groups on joined.allocation_group_id = targeted_groups.allocation_group_id
),

measured as (
    select
        *,
        actual_weight - target_weight as absolute_drift,
        target_key <> 'Unmapped'
        and (actual_weight < lower_band_weight or unreserved_weight > upper_band_weight) as is_breach,
        target_key <> 'Unmapped'
        and (projected_weight < lower_band_weight or projected_weight > upper_band_weight)
            as is_breach_projected
    from weighed
)

select
    household_id,
    allocation_group_id,
    target_level,
    target_key,
    asset_class,
    security_id,
    cast(target_weight as decimal(18, 10)) as target_weight,
    cast(actual_weight as decimal(18, 10)) as actual_weight,
    cast(projected_weight as decimal(18, 10)) as projected_weight,
    cast(absolute_drift as decimal(18, 10)) as absolute_drift,
    case when target_weight > 0 then cast(absolute_drift / target_weight as decimal(18, 10)) end
        as relative_drift,
    cast(market_value - base * target_weight as decimal(24, 6)) as over_under_amount,
    cast(lower_band_weight as decimal(18, 10)) as lower_band_weight,
    cast(upper_band_weight as decimal(18, 10)) as upper_band_weight,
    is_breach,
    is_breach_projected,
    case
        when is_breach
            then
                cast(
                    row_number() over (
                        partition by allocation_group_id, target_level, is_breach
                        order by abs(absolute_drift) / nullif(band_half_width, 0) desc nulls first, target_key
                    ) as integer
                )
    end as breach_severity_rank,
    cast(market_value as decimal(24, 6)) as market_value,
    cast(base as decimal(24, 6)) as base,
    cast(projected_market_value as decimal(24, 6)) as projected_market_value
from measured
