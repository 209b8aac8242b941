-- Transactions of all files up to the session, each once. With the custodian's id, the newest file that
-- names the id holds. Without one, files overlap: rows that are alike are numbered within each file and
-- the same row with the same number is the same transaction, so that the larger count over files holds,
-- not the sum. A transaction and the row that cancels it both fall away.
with files as (
    select
        as_of_date,
        source_file_id,
        file_name,
        row_number() over (order by as_of_date desc, received_at desc, source_file_id desc) as file_age
    from {{ ref("stg_source_files") }}
    where entity = 'transactions'
),

received as materialized (
    select
        account_references.account_id,
        case when transactions.security_key <> '||||' then identified.security_id end as security_id,
        transactions.*,
        files.file_name,
        files.file_age,
        -- Names a row within this query only.
        row_number() over () as row_id
    from {{ ref("stg_transactions") }} as transactions
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            transactions.custodian = account_references.custodian
            and transactions.account_number = account_references.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on transactions.security_key = identified.security_key
    inner join files
        on
            transactions.as_of_date = files.as_of_date
            and transactions.source_file_id = files.source_file_id
),

ids as (
    select
        account_id,
        transaction_id,
        min(file_age) as file_age,
        count(*) as row_count
    from received
    where transaction_id is not null
    group by account_id, transaction_id
),

-- Only ids that stand in several rows need a look at what the rows say: those of the newest file hold,
-- like ones once.
repeated as (
    select
        received.account_id,
        received.transaction_id,
        {{ transaction_content_key("received") }} as content_key,
        arg_min(received.row_id, received.source_row_number) as row_id
    from received
    inner join ids
        on
            received.account_id = ids.account_id
            and received.transaction_id = ids.transaction_id
            and received.file_age = ids.file_age
    where ids.row_count > 1
    group by received.account_id, received.transaction_id, content_key
),

occurrences as (
    select
        account_id,
        row_id,
        file_age,
        content_key,
        row_number() over (
            partition by account_id, content_key, file_age
            order by source_row_number
        ) as occurrence
    from (
        select
            received.account_id,
            received.row_id,
            received.file_age,
            received.source_row_number,
            {{ transaction_content_key("received") }} as content_key
        from received
        where received.transaction_id is null
    ) as contents
),

kept as (
    select
        received.row_id,
        'I:' || received.transaction_id as transaction_key
    from received
    inner join ids
        on
            received.account_id = ids.account_id
            and received.transaction_id = ids.transaction_id
    where ids.row_count = 1
    union all
    select
        row_id,
        'I:' || transaction_id
        || case
            when count(*) over (partition by account_id, transaction_id) > 1 then ':' || left(content_key, 12)
            else ''
        end as transaction_key
    from repeated
    union all
    select
        arg_min(row_id, file_age) as row_id,
        'C:' || content_key || '-' || occurrence as transaction_key
    from occurrences
    group by account_id, content_key, occurrence
),

merged as (
    select
        received.*,
        kept.transaction_key
    from received
    inner join kept on received.row_id = kept.row_id
),

cancelled as (
    select distinct
        account_id,
        reversal_of as transaction_id
    from merged
    where is_cancel and reversal_of is not null
)

select
    merged.account_id,
    accounts.household_id,
    merged.security_id,
    merged.transaction_key,
    merged.transaction_date,
    merged.transaction_time,
    merged.settlement_date,
    merged.transaction_type,
    merged.quantity,
    merged.price,
    merged.net_amount,
    merged.currency,
    merged.transaction_id,
    merged.custodian,
    merged.feed,
    merged.file_name,
    merged.source_file_id,
    merged.source_row_number
from merged
left join {{ ref("int_accounts__identified") }} as accounts on merged.account_id = accounts.account_id
left join cancelled
    on
        merged.account_id = cancelled.account_id
        and merged.transaction_id = cancelled.transaction_id
where
    not coalesce(merged.is_cancel, false)
    and cancelled.transaction_id is null
    and merged.transaction_date is not null
