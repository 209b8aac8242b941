select
    {{ as_of_date() }} as as_of_date,
    drift.allocation_group_id,
    drift.target_key as asset_class,
    -- Unmapped, and a class that the house does not know, come last.
    coalesce(asset_classes.asset_class_rank, 99) as asset_class_rank,
    drift.household_id,
    drift.target_weight,
    drift.actual_weight,
    drift.projected_weight,
    drift.absolute_drift,
    drift.relative_drift,
    drift.over_under_amount,
    drift.lower_band_weight,
    drift.upper_band_weight,
    drift.is_breach,
    drift.is_breach_projected,
    drift.breach_severity_rank,
    drift.market_value,
    drift.value_basis,
    drift.after_tax_value,
    drift.pre_tax_weight,
    drift.after_tax_weight,
    drift.check_frequency,
    drift.next_check_date,
    drift.is_check_due
from {{ ref("int_drift__measured") }} as drift
left join {{ ref("seed_asset_classes") }} as asset_classes on drift.target_key = asset_classes.asset_class
where drift.target_level = 'class'
