-- What a custodian owes tonight: files the firm requires and files that came but could not be used.
-- Of a snapshot an empty file is no file; days without activity are ordinary. A second opinion is no
-- delivery, unless the custodian has never delivered the entity in another way.
with first_hand as (
    select distinct
        custodian,
        entity
    from {{ ref("stg_source_files") }}
    where feed_role <> 'cross_check'
),

delivered as (
    select
        files.custodian,
        files.entity,
        -- A file of changes without rows says that nothing changed.
        sum(
            case when files.delivery_mode = 'DELTA' then greatest(files.row_count, 1) else files.row_count end
        ) as row_count
    from {{ ref("stg_source_files") }} as files
    left join first_hand
        on
            files.custodian = first_hand.custodian
            and files.entity = first_hand.entity
    where
        files.as_of_date = {{ as_of_date() }}
        and (files.feed_role <> 'cross_check' or first_hand.entity is null)
    group by files.custodian, files.entity
),

-- A file refused as a whole says its entity in its name only.
refused as (
    select
        custodian,
        coalesce(entity, regexp_extract(file_name, '^([a-z_]+?)(?:[_-][0-9]{4}.*)?[.]csv$', 1)) as entity
    from {{ ref("stg_contract_violations") }}
    where
        severity = 'block'
        and scope = 'feed'
        and feed <> 'policy_files'
),

demanded as (
    select
        custodian,
        entity,
        'required' as demanded_because
    from {{ ref("stg_expected_feeds") }}
    where is_required
    union
    -- A file of several entities that is refused leaves all of them out.
    select
        required.custodian,
        required.entity,
        'quarantined' as demanded_because
    from {{ ref("stg_expected_feeds") }} as required
    inner join {{ ref("stg_refused_files") }} as refused_files
        on
            required.custodian = refused_files.custodian
            and required.entity = refused_files.entity
    where required.is_required and refused_files.feed_role = 'source'
    union
    select
        custodian,
        entity,
        'quarantined' as demanded_because
    from refused
    where
        entity in (
            'accounts', 'account_owners', 'securities', 'positions', 'tax_lots', 'closed_lots',
            'transactions', 'cash_balances', 'prices', 'open_orders'
        )
)

select
    demanded.custodian,
    demanded.entity,
    min(demanded.demanded_because) as demanded_because,
    coalesce(max(delivered.row_count), -1) as row_count
from demanded
left join delivered
    on
        demanded.custodian = delivered.custodian
        and demanded.entity = delivered.entity
where
    delivered.entity is null
    or (
        delivered.row_count = 0
        and demanded.entity in ('accounts', 'securities', 'positions', 'tax_lots', 'cash_balances', 'prices')
    )
group by demanded.custodian, demanded.entity
