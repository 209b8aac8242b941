-- How good is the data of each custodian, night by night: complete cost basis, lots without it,
-- exceptions?
select
    metrics.as_of_date,
    metrics.custodian,
    metrics.account_count,
    metrics.complete_basis_weight,
    metrics.unknown_covered_lot_count,
    metrics.late_transfer_count,
    metrics.open_exception_count,
    metrics.oldest_exception_days,
    metrics.is_positions_overdue
from {{ ref('fct_data_quality_metrics') }} as metrics
order by metrics.as_of_date, metrics.custodian
