-- What a lot is divided into by wash sales adds up to the lot: quantity, basis and value.
{{ config(tags=['plan'], meta={'dagster': {'ref': {'name': 'fct_tax_lots'}}}) }}

with parts as (

    select
        coalesce(parent_lot_id, lot_id) as lot_id,
        sum(quantity) as quantity,
        sum(custodian_cost_basis) as custodian_cost_basis,
        sum(market_value) as market_value
    from {{ ref('fct_tax_lots') }}
    where as_of_date = {{ as_of_date() }}
    group by all

)

select
    lots.lot_id,
    lots.quantity,
    parts.quantity as parts_quantity,
    lots.custodian_cost_basis,
    parts.custodian_cost_basis as parts_cost_basis
from {{ ref('int_lots__identified') }} as lots
full outer join parts on lots.lot_id = parts.lot_id
where
    lots.quantity is distinct from parts.quantity
    or lots.custodian_cost_basis is distinct from parts.custodian_cost_basis
    or lots.market_value is distinct from parts.market_value
