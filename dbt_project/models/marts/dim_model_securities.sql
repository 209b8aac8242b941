-- An entry for every group ('*') is written out for each group that has no entries of its own for the
-- class: a group's own buy list replaces the firm's, class by class.
with entries as (
    select
        model_securities.*,
        identified.security_id
    from {{ ref("stg_model_securities") }} as model_securities
    inner join {{ ref("int_securities__identified") }} as identified
        on model_securities.security_key = identified.security_key
    inner join {{ ref("seed_asset_classes") }} as asset_classes
        on model_securities.asset_class = asset_classes.asset_class
),

own_entries as (
    select
        allocation_group_id,
        asset_class
    from entries
    where allocation_group_id <> '*'
    group by allocation_group_id, asset_class
),

written_out as (
    select
        coalesce(allocation_groups.allocation_group_id, entries.allocation_group_id) as allocation_group_id,
        entries.asset_class,
        entries.sub_class,
        entries.rank,
        entries.security_id,
        coalesce(entries.account_types, '*') as account_types
    from entries
    left join {{ ref("stg_allocation_groups") }} as allocation_groups on entries.allocation_group_id = '*'
    left join own_entries
        on
            allocation_groups.allocation_group_id = own_entries.allocation_group_id
            and entries.asset_class = own_entries.asset_class
    where own_entries.allocation_group_id is null
)

select distinct
    {{ as_of_date() }} as as_of_date,
    allocation_group_id,
    asset_class,
    sub_class,
    rank,
    security_id,
    account_types
from written_out
where allocation_group_id <> '*' and rank is not null
