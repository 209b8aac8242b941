select
    {{ as_of_date() }} as as_of_date,
    security_id,
    asset_class,
    cast(sum(weight) as decimal(18, 10)) as weight,
    max_by(sub_class, weight) as sub_class,
    min(mapping_source) as mapping_source
from {{ ref("int_securities__classified") }}
group by security_id, asset_class
