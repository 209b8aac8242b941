-- Lots of the last night that are not there tonight.
{{ config(materialized="view") }}

with delivered as (
    select distinct account_id from {{ ref("int_accounts__deliveries") }}
    where is_source_of_facts
)

select
    published.account_id,
    published.security_id,
    published.lot_id,
    published.quantity as previous_quantity,
    published.custodian_cost_basis as previous_cost_basis,
    published.acquisition_date as previous_acquisition_date,
    published.as_of_date as previous_as_of_date,
    delivered.account_id is not null as is_account_delivered
from {{ ref("int_lots__published") }} as published
left join {{ ref("int_lots__keyed") }} as lots on published.lot_id = lots.lot_id
left join delivered on published.account_id = delivered.account_id
where lots.lot_id is null
