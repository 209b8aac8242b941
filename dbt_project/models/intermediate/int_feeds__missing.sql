-- What a custodian owes tonight: files the firm requires and files that came but could not be used.
-- Of a snapshot an empty file is no file; days without activity are ordinary.
with delivered as (
    select
        custodian,
        entity,
        -- A file of changes without rows says that nothing changed.
        sum(case when delivery_mode = 'DELTA' then greatest(row_count, 1) else row_count end) as row_count
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }}
    group by custodian, entity
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

-- A file of several entities that is refused leaves all of them out.
refused_whole as (
    select distinct
        custodian,
        feed
    from {{ ref("stg_contract_violations") }}
    where
        severity = 'block'
        and scope = 'feed'
        and feed in ('ibkr_flex', 'schwab_positions', 'schwab_lot_details')
        and source_file_id not in (
            select files.source_file_id from {{ ref("stg_source_files") }} as files
            where files.as_of_date = {{ as_of_date() }}
        )
),

demanded as (
    select
        custodian,
        entity,
        'required' as demanded_because
    from {{ ref("stg_expected_feeds") }}
    where is_required
    union
    select
        required.custodian,
        required.entity,
        'quarantined' as demanded_because
    from {{ ref("stg_expected_feeds") }} as required
    inner join refused_whole on required.custodian = refused_whole.custodian
    where
        required.is_required
        and case refused_whole.feed
            when 'ibkr_flex' then true
            when 'schwab_lot_details' then required.entity = 'tax_lots'
            else required.entity in ('accounts', 'securities', 'positions', 'cash_balances', 'prices')
        end
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
