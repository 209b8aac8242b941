-- Open lots with their identity, tied to account, security and position, before any rule is applied.
-- The custodian's lot id is the identity where there is one; else what int_lots__carried says: the lot of
-- the last night that it is, or a new one, named after what a lot keeps for life and a number.
with received as (
    select
        *,
        -- A condition on one side of the join would keep DuckDB from hashing it.
        case when source_lot_id is null then source_row_number end as row_without_id
    from {{ ref("int_lots__received") }}
),

named as (
    select
        received.*,
        case
            when received.source_lot_id is null then carried.lot_id
            when row_number() over same_key > 1
                then received.account_id || ':' || received.source_lot_id || '#' || row_number() over same_key
            else received.account_id || ':' || received.source_lot_id
        end as lot_id,
        carried.matched_by,
        unreal_dates.account_id is not null as has_unreal_date,
        coalesce(received.basis_method, case when average_cost.account_id is not null then 'AVERAGE' end)
            as known_basis_method,
        count(*) over (partition by received.account_id, received.source_lot_id) as same_key_count
    from received
    left join {{ ref("int_lots__carried") }} as carried
        on
            received.source_file_id = carried.source_file_id
            and received.row_without_id = carried.source_row_number
    left join {{ ref("int_lots__unreal_dates") }} as unreal_dates
        on
            received.account_id = unreal_dates.account_id
            and received.security_id = unreal_dates.security_id
            and received.acquisition_date = unreal_dates.acquisition_date
    left join {{ ref("int_lots__average_cost") }} as average_cost
        on
            received.account_id = average_cost.account_id
            and received.security_id = average_cost.security_id
    window same_key as (
        partition by received.account_id, received.source_lot_id
        order by
            received.quantity desc,
            received.source_file_id asc,
            received.source_row_number asc
    )
),

-- What the firm states about a lot takes the place of what the custodian sent, which is kept as received.
-- It comes after the identity, so that a stated value does not make another lot of it.
stated as (
    select
        named.* replace (
            coalesce(firm.cost_basis, named.cost_basis) as cost_basis,
            coalesce(firm.cost_basis_unadjusted, named.cost_basis_unadjusted) as cost_basis_unadjusted,
            coalesce(firm.acquisition_date, named.acquisition_date) as acquisition_date,
            coalesce(firm.holding_period_start_date, named.holding_period_start_date)
                as holding_period_start_date,
            coalesce(firm.covered_status, named.covered_status) as covered_status,
            case when firm.cost_basis is null then named.unit_cost end as unit_cost,
            case when firm.cost_basis is null then named.cost_basis_status else 'present' end
                as cost_basis_status,
            case when firm.acquisition_date is null then named.acquisition_date_status else 'present' end
                as acquisition_date_status
        ),
        firm.override_id,
        -- A placeholder, or a day that stands for something else than the acquisition.
        coalesce(
            {{ is_sentinel_date("coalesce(firm.acquisition_date, named.acquisition_date)") }}
            or (named.has_unreal_date and firm.acquisition_date is null),
            false
        ) as has_sentinel_date,
        case
            when firm.lot_id is not null
                then
                    map(
                        [
                            'cost_basis', 'cost_basis_unadjusted', 'acquisition_date',
                            'holding_period_start_date', 'covered_status'
                        ],
                        [
                            named.cost_basis::varchar,
                            named.cost_basis_unadjusted::varchar,
                            named.acquisition_date::varchar,
                            named.holding_period_start_date::varchar,
                            named.covered_status
                        ]
                    )
        end as received_values
    from named
    left join {{ ref("int_overrides__lot_values") }} as firm on named.lot_id = firm.lot_id
)

select
    lot_id,
    account_id,
    security_id,
    custodian,
    feed,
    source_lot_id,
    attributes_key,
    matched_by,
    source_lot_id is not null and same_key_count > 1 as is_duplicate,
    quantity,
    case
        when acquisition_date_status = 'present' and has_sentinel_date then null
        else acquisition_date
    end
        as acquisition_date,
    case
        when has_sentinel_date then 'sentinel'
        else acquisition_date_status
    end as acquisition_date_status,
    acquisition_date as stated_acquisition_date,
    acquisition_time,
    coalesce(
        holding_period_start_date,
        case when not has_sentinel_date then acquisition_date end
    ) as holding_period_start_date,
    term as custodian_term,
    case when basis_currency = 'USD' then cost_basis end as custodian_cost_basis,
    case when basis_currency = 'USD' then cost_basis_unadjusted end as custodian_cost_basis_unadjusted,
    unit_cost,
    cost_basis as stated_cost_basis,
    cost_basis_status,
    wash_sale_adjustment,
    coalesce(wash_sale_flag, false) as wash_sale_flag,
    covered_status,
    acquisition_type,
    known_basis_method as basis_method,
    basis_currency as currency,
    has_position,
    rejected_values is not null as has_rejected_values,
    case when override_id is null then 'custodian' else 'firm_override' end as basis_source,
    override_id,
    received_values,
    source_file_id,
    source_row_number
from stated
