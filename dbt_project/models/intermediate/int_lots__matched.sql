-- Tonight's lots beside what the last night knew of them.
{{ config(materialized="view") }}

select
    lots.account_id,
    lots.security_id,
    lots.lot_id,
    case
        when lots.source_lot_id is null then lots.matched_by
        when published.lot_id is null then 'new'
        else 'source_id'
    end as matched_by,
    published.security_id as previous_security_id,
    published.quantity as previous_quantity,
    published.custodian_cost_basis as previous_cost_basis,
    published.acquisition_date as previous_acquisition_date,
    published.as_of_date as previous_as_of_date
from {{ ref("int_lots__keyed") }} as lots
left join {{ ref("int_lots__published") }} as published on lots.lot_id = published.lot_id
