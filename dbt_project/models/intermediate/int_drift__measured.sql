-- Drift of every target of every level, and of classes that are held without a target, against the
-- group's base. The base is what is held plus trade-date cash less fees due; weights are of values in the
-- household's basis, pre-tax or after-tax, and the weights of both bases stand beside them.
with bases as (
    select
        allocation_group_id,
        min(household_id) as household_id,
        sum(market_value) as base,
        sum(basis_value) as basis_base,
        {{ sum_of_known("after_tax_value") }} as after_tax_base,
        sum(projected_basis_value) as projected_base
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
        {{ sum_of_known("after_tax_value") }} as after_tax_value,
        sum(basis_value) as basis_value,
        sum(projected_basis_value) as projected_basis_value,
        sum(reserved_basis_value) as reserved_basis_value
    from {{ ref("int_exposures__by_group") }}
    group by allocation_group_id, asset_class
    union all
    select
        allocation_group_id,
        'sub_class' as target_level,
        sub_class as target_key,
        sum(market_value) as market_value,
        sum(projected_market_value) as projected_market_value,
        {{ sum_of_known("after_tax_value") }} as after_tax_value,
        sum(basis_value) as basis_value,
        sum(projected_basis_value) as projected_basis_value,
        0 as reserved_basis_value
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
        {{ sum_of_known("after_tax_value") }} as after_tax_value,
        sum(basis_value) as basis_value,
        sum(projected_basis_value) as projected_basis_value,
        0 as reserved_basis_value
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
        targets.band_half_width,
        targets.check_frequency,
        targets.next_check_date,
        targets.is_check_due,
        coalesce(targets.target_weight, 0) as target_weight,
        coalesce(held.market_value, 0) as market_value,
        coalesce(held.projected_market_value, 0) as projected_market_value,
        case when held.target_key is null then 0 else held.after_tax_value end as after_tax_value,
        coalesce(held.basis_value, 0) as basis_value,
        coalesce(held.projected_basis_value, 0) as projected_basis_value,
        coalesce(held.reserved_basis_value, 0) as reserved_basis_value
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

settled as (
    select
        joined.* exclude (band_half_width, check_frequency, next_check_date, is_check_due),
        coalesce(settings.allocation_basis, {{ policy_text("allocation_basis") }}) as value_basis,
        -- A class that the statement does not name has no target: its band is the default around nothing.
        coalesce(
            joined.band_half_width,
            {{ band_half_width(
                "cast(0 as decimal(18, 10))",
                "coalesce(settings.default_absolute_band, " ~ policy_number("default_absolute_band") ~ ")",
                "coalesce(settings.default_relative_band, " ~ policy_number("default_relative_band") ~ ")",
                "coalesce(settings.default_band_rule, " ~ policy_text("default_band_rule") ~ ")",
                "coalesce(settings.default_band_floor, " ~ policy_number("default_band_floor") ~ ")"
            ) }}
        ) as band_half_width,
        coalesce(joined.check_frequency, settings.check_frequency, {{ policy_text("check_frequency") }})
            as check_frequency,
        coalesce(joined.next_check_date, settings.next_check_date, {{ as_of_date() }}) as next_check_date,
        coalesce(
            joined.is_check_due,
            settings.is_review_due or settings.next_check_date <= {{ as_of_date() }},
            true
        ) as is_check_due
    from joined
    left join {{ ref("int_groups__settings") }} as settings
        on joined.allocation_group_id = settings.allocation_group_id
),

weighed as (
    select
        bases.household_id,
        settled.*,
        bases.base,
        bases.basis_base,
        bases.after_tax_base,
        coalesce({{ weight_of("settled.basis_value", "bases.basis_base") }}, 0) as actual_weight,
        {{ weight_of("settled.market_value", "bases.base") }} as pre_tax_weight,
        {{ weight_of("settled.after_tax_value", "bases.after_tax_base") }} as after_tax_weight,
        -- With nothing left after the flows there is nothing to be weighed.
        coalesce(
            {{ weight_of("settled.projected_basis_value", "bases.projected_base") }}, 0
        ) as projected_weight,
        coalesce(
            {{ weight_of("settled.basis_value - settled.reserved_basis_value", "bases.basis_base") }}, 0
        ) as unreserved_weight,
        greatest(settled.target_weight - settled.band_half_width, 0) as lower_band_weight,
        settled.target_weight + settled.band_half_width as upper_band_weight
    from settled
    inner join bases on settled.allocation_group_id = bases.allocation_group_id
    inner join targeted_groups on settled.allocation_group_id = targeted_groups.allocation_group_id
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
    cast(basis_value - basis_base * target_weight as decimal(24, 6)) as over_under_amount,
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
    cast(projected_market_value as decimal(24, 6)) as projected_market_value,
    value_basis,
    cast(after_tax_value as decimal(24, 6)) as after_tax_value,
    cast(after_tax_base as decimal(24, 6)) as after_tax_base,
    cast(pre_tax_weight as decimal(18, 10)) as pre_tax_weight,
    cast(after_tax_weight as decimal(18, 10)) as after_tax_weight,
    check_frequency,
    next_check_date,
    is_check_due
from measured
