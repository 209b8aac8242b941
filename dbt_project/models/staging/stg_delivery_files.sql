-- The files that together state tonight's snapshot of an entity: tonight's own, or, of a feed that
-- delivered changes tonight, its last full files and all changes since.
with files as (
    select
        *,
        coalesce(delivery_mode = 'DELTA', false) as is_change
    from {{ ref("stg_source_files") }}
    where entity in ('accounts', 'securities', 'positions', 'tax_lots', 'cash_balances')
),

chained as (
    select distinct
        entity,
        custodian,
        feed
    from files
    where is_change and as_of_date = {{ as_of_date() }}
),

last_full as (
    select
        entity,
        custodian,
        feed,
        max(as_of_date) as last_full_date
    from files
    where not is_change
    group by entity, custodian, feed
)

select
    files.entity,
    files.custodian,
    files.feed,
    files.feed_role,
    files.as_of_date,
    files.source_file_id,
    files.received_at,
    files.is_change,
    chained.entity is not null as is_chain,
    case when chained.entity is not null then last_full.last_full_date end as last_full_date,
    -- What together states an account's holdings: a file, or the chain of a feed of changes.
    case when chained.entity is not null then 'changes of ' || files.feed else files.source_file_id end
        as delivery_id,
    row_number() over (
        partition by files.entity, files.custodian, files.feed
        order by files.as_of_date, files.is_change, files.received_at, files.source_file_id
    ) as chain_position
from files
left join chained
    on
        files.entity = chained.entity
        and files.custodian = chained.custodian
        and files.feed = chained.feed
left join last_full
    on
        files.entity = last_full.entity
        and files.custodian = last_full.custodian
        and files.feed = last_full.feed
where
    files.as_of_date = {{ as_of_date() }}
    or (chained.entity is not null and files.as_of_date >= last_full.last_full_date)
    -- Changes to a full file that never came: they are all there is, and the chain is told as broken.
    or (chained.entity is not null and last_full.last_full_date is null)
