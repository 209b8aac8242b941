-- Open lots as the custodian sees them, with what may be relied on. A holding in an account without
-- tax on gains that comes without lots is one lot: nothing there depends on when it was bought.
with blocks as (
    select
        lot_id,
        string_agg(distinct reason, '; ' order by reason) as reasons
    from {{ ref("int_violations__found") }}
    where severity = 'block' and scope = 'lot' and lot_id is not null
    group by lot_id
),

lots as (
    select
        lots.lot_id,
        lots.account_id,
        positions.household_id,
        lots.security_id,
        cast(lots.quantity as decimal(28, 10)) as quantity,
        lots.acquisition_date,
        lots.acquisition_time,
        lots.holding_period_start_date,
        lots.custodian_term,
        coalesce(
            lots.unit_cost, cast(lots.stated_cost_basis / nullif(lots.quantity, 0) as decimal(28, 10))
        ) as unit_cost,
        lots.custodian_cost_basis,
        lots.custodian_cost_basis_unadjusted,
        coalesce(
            lots.wash_sale_adjustment,
            case
                when lots.wash_sale_flag
                    then lots.custodian_cost_basis - lots.custodian_cost_basis_unadjusted
            end,
            0
        ) as custodian_wash_sale_adjustment,
        case
            when lots.currency <> 'USD' then 'foreign_currency'
            when lots.cost_basis_status = 'not_applicable' then 'not_applicable'
            when lots.custodian_cost_basis is null then 'missing'
            when lots.acquisition_date_status = 'sentinel' then 'estimated'
            else 'complete'
        end as basis_status,
        coalesce(lots.covered_status, 'UNKNOWN') as covered_status,
        coalesce(lots.acquisition_type, 'UNKNOWN') as acquisition_type,
        coalesce(lots.basis_method, 'UNKNOWN') as basis_method,
        lots.basis_source,
        lots.override_id,
        blocks.reasons as own_reason,
        positions.position_state,
        positions.state_reason,
        lots.source_lot_id,
        lots.attributes_key,
        lots.source_file_id,
        lots.source_row_number,
        lots.currency,
        positions.price
    from {{ ref("int_lots__keyed") }} as lots
    inner join {{ ref("int_positions__valued") }} as positions
        on
            lots.account_id = positions.account_id
            and lots.security_id = positions.security_id
    left join blocks on lots.lot_id = blocks.lot_id
    where lots.quantity is not null
),

whole_positions as (
    select
        account_id || ':position:' || security_id as lot_id,
        account_id,
        household_id,
        security_id,
        quantity,
        cast(null as date) as acquisition_date,
        cast(null as varchar) as acquisition_time,
        cast(null as date) as holding_period_start_date,
        cast(null as varchar) as custodian_term,
        cast(custodian_cost_basis / nullif(quantity, 0) as decimal(28, 10)) as unit_cost,
        custodian_cost_basis,
        cast(null as decimal(24, 6)) as custodian_cost_basis_unadjusted,
        cast(0 as decimal(24, 6)) as custodian_wash_sale_adjustment,
        'not_applicable' as basis_status,
        'UNKNOWN' as covered_status,
        'UNKNOWN' as acquisition_type,
        'UNKNOWN' as basis_method,
        'custodian' as basis_source,
        cast(null as varchar) as override_id,
        cast(null as varchar) as own_reason,
        position_state,
        state_reason,
        cast(null as varchar) as source_lot_id,
        cast(null as varchar) as attributes_key,
        source_file_id,
        source_row_number,
        currency,
        price
    from {{ ref("int_positions__valued") }}
    where
        lot_count = 0
        and quantity is not null
        and tax_treatment in ('tax_deferred', 'tax_free')
)

select
    lot_id,
    account_id,
    household_id,
    security_id,
    quantity,
    acquisition_date,
    acquisition_time,
    holding_period_start_date,
    custodian_term,
    unit_cost,
    custodian_cost_basis,
    custodian_cost_basis_unadjusted,
    custodian_wash_sale_adjustment,
    basis_status,
    covered_status,
    acquisition_type,
    basis_method,
    basis_source,
    override_id,
    own_reason is not null or position_state = 'frozen' as is_frozen,
    nullif(concat_ws('; ', own_reason, case when position_state = 'frozen' then state_reason end), '')
        as frozen_reason,
    own_reason is not null as has_own_freeze,
    source_lot_id,
    attributes_key,
    source_file_id,
    source_row_number,
    currency,
    price,
    {{ product_of("quantity", "price", "decimal(24, 6)") }} as market_value
from (
    select * from lots
    union all
    select * from whole_positions
) as all_lots
