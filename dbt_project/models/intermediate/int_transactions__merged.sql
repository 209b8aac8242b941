-- Transactions of all files up to the session, each once. With the custodian's id, the newest file that
-- names the id holds. Without one, files overlap: rows that are alike are numbered within each file and
-- the same row with the same number is the same transaction, so that the larger count over files holds,
-- not the sum. A transaction and the row that cancels it both fall away.
with received as (
    select
        account_references.account_id,
        case when transactions.security_key <> '||||' then identified.security_id end as security_id,
        transactions.*,
        files.received_at,
        files.file_name
    from {{ ref("stg_transactions") }} as transactions
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            transactions.custodian = account_references.custodian
            and transactions.account_number = account_references.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on transactions.security_key = identified.security_key
    inner join {{ ref("stg_source_files") }} as files
        on
            transactions.as_of_date = files.as_of_date
            and transactions.source_file_id = files.source_file_id
            and files.entity = 'transactions'
),

contents as (
    select
        *,
        md5(
            concat_ws(
                '|',
                security_key,
                transaction_type,
                source_type,
                transaction_date,
                transaction_time,
                settlement_date,
                quantity, price, gross_amount, net_amount, commission, fees, currency, is_cancel, description
            )
        ) as content_key
    from received
),

newest_of_id as (
    select * from contents
    where transaction_id is not null
    qualify
        dense_rank() over (
            partition by account_id, transaction_id
            order by as_of_date desc, received_at desc, source_file_id desc
        ) = 1
        and row_number() over (
            partition by account_id, transaction_id, content_key
            order by as_of_date desc, received_at desc, source_file_id desc, source_row_number asc
        ) = 1
),

occurrences as (
    select
        *,
        row_number() over (
            partition by account_id, content_key, as_of_date, source_file_id
            order by source_row_number
        ) as occurrence
    from contents
    where transaction_id is null
),

merged as (
    select
        *,
        'I:' || transaction_id
        || case
            when count(*) over (partition by account_id, transaction_id) > 1 then ':' || left(content_key, 12)
            else ''
        end as transaction_key
    from newest_of_id
    union all by name
    select
        *,
        'C:' || content_key || '-' || occurrence as transaction_key
    from occurrences
    qualify
        row_number() over (
            partition by account_id, content_key, occurrence
            order by as_of_date desc, received_at desc, source_file_id desc
        ) = 1
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
