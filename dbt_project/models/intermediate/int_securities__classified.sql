-- Asset classes of every security: the firm's own mapping, else the seed's, else cash for what is
-- cash by its type, else Unmapped. A mapping of the firm that does not hold together maps nothing.
with firm_rows as (
    select
        identified.security_id,
        classifications.asset_class,
        classifications.sub_class,
        classifications.weight,
        asset_classes.asset_class is not null as is_class_known
    from {{ ref("stg_security_classifications") }} as classifications
    inner join {{ ref("int_securities__identified") }} as identified
        on classifications.security_key = identified.security_key
    left join {{ ref("seed_asset_classes") }} as asset_classes
        on classifications.asset_class = asset_classes.asset_class
),

firm_mappings as (
    select
        security_id,
        bool_and(is_class_known and weight is not null) and abs(sum(weight) - 1) <= 0.000001 as is_consistent
    from firm_rows
    group by security_id
),

seed_rows as (
    select
        securities.security_id,
        seed.asset_class,
        seed.sub_class,
        seed.weight
    from {{ ref("int_securities__described") }} as securities
    inner join {{ ref("seed_security_asset_classes") }} as seed on securities.cusip = seed.cusip
    union
    select
        securities.security_id,
        seed.asset_class,
        seed.sub_class,
        seed.weight
    from {{ ref("int_securities__described") }} as securities
    inner join {{ ref("seed_security_asset_classes") }} as seed on securities.ticker = seed.ticker
),

mapped as (
    select
        firm_rows.security_id,
        firm_rows.asset_class,
        firm_rows.sub_class,
        firm_rows.weight,
        'policy' as mapping_source
    from firm_rows
    inner join
        firm_mappings
        on firm_rows.security_id = firm_mappings.security_id and firm_mappings.is_consistent
    union all
    select
        seed_rows.security_id,
        seed_rows.asset_class,
        seed_rows.sub_class,
        seed_rows.weight,
        'seed' as mapping_source
    from seed_rows
    where seed_rows.security_id not in (select firm_mappings.security_id from firm_mappings)
),

remaining as (
    select
        security_id,
        security_id not in (select firm_mappings.security_id from firm_mappings)
        and (is_cash_equivalent or coalesce(security_type = 'CASH', false)) as is_cash
    from {{ ref("int_securities__described") }}
    where security_id not in (select mapped.security_id from mapped)
)

select
    security_id,
    asset_class,
    sub_class,
    weight,
    mapping_source
from mapped
union all
select
    security_id,
    case when is_cash then 'Cash' else 'Unmapped' end as asset_class,
    null as sub_class,
    cast(1 as decimal(18, 10)) as weight,
    case when is_cash then 'security_type' else 'none' end as mapping_source
from remaining
