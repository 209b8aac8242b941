-- Without any price nothing of the book has a value: the one state of the data that stops a night.
-- Every other failure is told, and what it concerns is quarantined by the rules.
{{ config(severity='error', meta={'dagster': {'ref': {'name': 'int_securities__priced'}}}) }}

select count(*) as position_count
from {{ ref("int_positions__aggregated") }}
having
    count(*) > 0
    and not exists (
        select 1
        from {{ ref("int_securities__priced") }} as prices
        where prices.price is not null
    )
