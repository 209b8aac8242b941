select
    {{ as_of_date() }} as as_of_date,
    allocation_group_id,
    target_level,
    target_key,
    asset_class,
    security_id,
    household_id,
    target_weight,
    actual_weight,
    projected_weight,
    absolute_drift,
    relative_drift,
    over_under_amount,
    lower_band_weight,
    upper_band_weight,
    is_breach,
    is_breach_projected,
    breach_severity_rank,
    market_value
from {{ ref("int_drift__measured") }}
where target_level in ('sub_class', 'security')
