-- Every open lot or, where a wash sale divided one, its parts: the custodian's basis, our own wash-sale
-- adjustment on top of it, and what follows. A part takes the share of its lot's amounts that its
-- quantity is of the lot, the last part the remainder, so that the parts add up to the lot exactly.
with lots as (

    select *
    from {{ ref('int_lots__identified') }}

),

adjustments as (

    select *
    from {{ source('tax', 'lot_adjustments') }}
    where as_of_date = {{ as_of_date() }}

),

parts as (

    select
        lots.*,
        adjustments.parent_lot_id,
        adjustments.wash_sale_adjustment,
        adjustments.holding_period_start_date as adjusted_holding_period_start_date,
        adjustments.term,
        coalesce(adjustments.lot_id, lots.lot_id) as part_id,
        coalesce(adjustments.quantity, lots.quantity) as part_quantity,
        row_number() over lot_parts as part_number,
        count(*) over (partition by lots.lot_id) as part_count,
        -- a double: the remainder on the last part makes up for its last digit
        coalesce(adjustments.quantity, lots.quantity) / nullif(lots.quantity, 0) as part_share
    from lots
    left join adjustments on lots.lot_id = coalesce(adjustments.parent_lot_id, adjustments.lot_id)
    window lot_parts as (partition by lots.lot_id order by adjustments.lot_id)

),

{% set amounts = [
    'custodian_cost_basis', 'custodian_wash_sale_adjustment', 'market_value'
] %}
shares as (

    select
        *,
    {% for amount in amounts %}
        cast(
            case when part_count > 1 then {{ amount }} * part_share else {{ amount }} end
            as decimal(24, 6)
        ) as {{ amount }}_share{{ ',' if not loop.last }}
    {% endfor %}
    from parts

),

prorated as (

    select
        *,
    {% for amount in amounts %}
        cast(
            case
                when part_number < part_count then {{ amount }}_share
                else
                    {{ amount }} - sum({{ amount }}_share) over (partition by lot_id)
                    + {{ amount }}_share
            end as decimal(24, 6)
        ) as part_{{ amount }}{{ ',' if not loop.last }}
    {% endfor %}
    from shares

),

adjusted as (

    select
        *,
        cast(part_custodian_cost_basis + wash_sale_adjustment as decimal(24, 6)) as cost_basis
    from prorated

)

select
    {{ as_of_date() }} as as_of_date,
    account_id,
    part_id as lot_id,
    household_id,
    security_id,
    parent_lot_id,
    part_quantity as quantity,
    acquisition_date,
    coalesce(adjusted_holding_period_start_date, holding_period_start_date) as holding_period_start_date,
    term,
    part_custodian_cost_basis as custodian_cost_basis,
    part_custodian_wash_sale_adjustment as custodian_wash_sale_adjustment,
    wash_sale_adjustment,
    cost_basis,
    part_market_value as market_value,
    cast(part_market_value - cost_basis as decimal(24, 6)) as unrealized_gain,
    basis_status,
    basis_source,
    override_id,
    covered_status,
    acquisition_type,
    is_frozen,
    frozen_reason,
    source_lot_id,
    attributes_key,
    source_file_id,
    source_row_number
from adjusted
