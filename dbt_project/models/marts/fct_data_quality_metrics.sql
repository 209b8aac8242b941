-- How good each custodian's data are, in numbers that stop nothing: what is measured here drifts before a
-- rule is broken.
with accounts as (
    select
        account_id,
        custodian
    from {{ ref("int_accounts__identified") }}
    where is_in_policy and account_status <> 'closed'
),

lots as (
    select
        account_id,
        security_id,
        count(*) as lot_count,
        sum(quantity) as quantity,
        bool_and(basis_status = 'complete') as is_basis_complete,
        count(*) filter (where covered_status = 'UNKNOWN') as unknown_lot_count
    from {{ ref("int_lots__identified") }}
    -- A holding that came without lots stands there as one.
    where not contains(lot_id, ':position:')
    group by account_id, security_id
),

-- Unsigned: a short position is a holding whose basis matters as much.
holdings as (
    select
        accounts.custodian,
        coalesce(positions.tax_treatment, 'taxable') = 'taxable' as is_taxable,
        abs(positions.market_value) as market_value,
        coalesce(lots.lot_count, 0) as lot_count,
        coalesce(lots.unknown_lot_count, 0) as unknown_lot_count,
        coalesce(
            lots.is_basis_complete and {{ is_same_quantity("lots.quantity", "positions.quantity") }}, false
        ) as has_complete_basis
    from {{ ref("int_positions__valued") }} as positions
    inner join accounts on positions.account_id = accounts.account_id
    left join lots
        on
            positions.account_id = lots.account_id
            and positions.security_id = lots.security_id
),

measured as (
    select
        custodian,
        coalesce(sum(market_value) filter (where is_taxable), 0) as taxable_market_value,
        coalesce(sum(market_value) filter (where is_taxable and has_complete_basis), 0)
            as complete_basis_market_value,
        coalesce(sum(lot_count) filter (where is_taxable), 0) as taxable_lot_count,
        coalesce(sum(unknown_lot_count) filter (where is_taxable), 0) as unknown_covered_lot_count
    from holdings
    group by custodian
),

counted as (
    select
        custodian,
        count(*) as account_count
    from accounts
    group by custodian
),

delivered as (
    select
        custodian,
        max(as_of_date) as newest_positions_date
    from {{ ref("stg_source_files") }}
    where entity = 'positions' and feed_role = 'source' and row_count > 0
    group by custodian
),

-- Where no positions came and none stand, what is held is not known; nothing is something else.
looked_at as (
    select
        counted.custodian,
        measured.custodian is not null
        or coalesce(delivered.newest_positions_date = {{ as_of_date() }}, false) as is_measured
    from counted
    left join measured on counted.custodian = measured.custodian
    left join delivered on counted.custodian = delivered.custodian
),

exceptions as (
    select
        coalesce(results.custodian, known.custodian) as custodian,
        count(*) as open_exception_count,
        max({{ as_of_date() }} - results.status_date) as oldest_exception_days,
        count(*) filter (where results.rule = 'lots_arrive_in_time') as late_transfer_count
    from {{ ref("fct_data_quality_results") }} as results
    left join {{ ref("int_accounts__identified") }} as known on results.account_id = known.account_id
    where
        results.as_of_date = {{ as_of_date() }}
        and not results.is_passed
        and results.severity in ('block', 'warn')
    group by coalesce(results.custodian, known.custodian)
)

select
    {{ as_of_date() }} as as_of_date,
    counted.custodian,
    cast(counted.account_count as integer) as account_count,
    cast(
        case when looked_at.is_measured then coalesce(measured.taxable_market_value, 0) end as decimal(24, 6)
    ) as taxable_market_value,
    cast(
        case when looked_at.is_measured then coalesce(measured.complete_basis_market_value, 0) end
        as decimal(24, 6)
    ) as complete_basis_market_value,
    {{ weight_of("measured.complete_basis_market_value", "measured.taxable_market_value") }}
        as complete_basis_weight,
    cast(case when looked_at.is_measured then coalesce(measured.taxable_lot_count, 0) end as integer)
        as taxable_lot_count,
    cast(case when looked_at.is_measured then coalesce(measured.unknown_covered_lot_count, 0) end as integer)
        as unknown_covered_lot_count,
    {{ weight_of("measured.unknown_covered_lot_count", "measured.taxable_lot_count") }}
        as unknown_covered_weight,
    cast(coalesce(exceptions.late_transfer_count, 0) as integer) as late_transfer_count,
    cast(coalesce(exceptions.open_exception_count, 0) as integer) as open_exception_count,
    cast(exceptions.oldest_exception_days as integer) as oldest_exception_days,
    delivered.newest_positions_date,
    cast({{ as_of_date() }} - delivered.newest_positions_date as integer) as positions_age_days,
    -- Some transfer agents report once a month; after that their accounts are not known.
    coalesce({{ as_of_date() }} - delivered.newest_positions_date > 35, true) as is_positions_overdue
from counted
inner join looked_at on counted.custodian = looked_at.custodian
left join measured on counted.custodian = measured.custodian
left join delivered on counted.custodian = delivered.custodian
left join exceptions on counted.custodian = exceptions.custodian
