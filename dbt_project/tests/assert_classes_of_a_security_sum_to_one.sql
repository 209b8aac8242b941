-- Every security is spread over classes completely; one that is not known is Unmapped as a whole.
{{ config(meta={'dagster': {'ref': {'name': 'dim_security_asset_classes'}}}) }}

select
    security_id,
    sum(weight) as total_weight
from {{ ref("dim_security_asset_classes") }}
where as_of_date = {{ as_of_date() }}
group by security_id
having abs(sum(weight) - 1) > 0.000001
