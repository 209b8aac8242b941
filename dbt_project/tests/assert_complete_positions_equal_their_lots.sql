-- A position that may be traded is the sum of its lots.
{{ config(meta={'dagster': {'ref': {'name': 'int_positions__valued'}}}) }}

with lots as (
    select
        account_id,
        security_id,
        sum(quantity) as quantity
    from {{ ref("int_lots__identified") }}
    group by account_id, security_id
)

select
    positions.account_id,
    positions.security_id,
    positions.quantity,
    lots.quantity as lot_quantity
from {{ ref("int_positions__valued") }} as positions
left join lots
    on
        positions.account_id = lots.account_id
        and positions.security_id = lots.security_id
where
    positions.position_state = 'complete'
    and (
        lots.quantity is null
        or abs(positions.quantity - lots.quantity) > {{ policy_number("quantity_tolerance") }}
    )
