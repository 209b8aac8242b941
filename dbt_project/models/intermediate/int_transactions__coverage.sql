-- Since when an account's transactions are known. A file of a custodian's whole book covers all its
-- accounts from the file's first transaction on; a file of single accounts covers those it speaks of.
with files as (
    select
        transactions.custodian,
        transactions.feed,
        transactions.as_of_date,
        transactions.source_file_id,
        min(transactions.transaction_date) as first_transaction_date
    from {{ ref("stg_transactions") }} as transactions
    group by all
),

delivered as (
    select
        source_files.custodian,
        source_files.feed,
        least(source_files.as_of_date, coalesce(files.first_transaction_date, source_files.as_of_date))
            as covered_from_date
    from {{ ref("stg_source_files") }} as source_files
    left join files
        on
            source_files.as_of_date = files.as_of_date
            and source_files.source_file_id = files.source_file_id
    where source_files.entity = 'transactions'
),

whole_book as (
    select
        custodian,
        min(covered_from_date) as covered_from_date
    from delivered
    where feed = 'standard_feed'
    group by custodian
),

own_files as (
    select
        account_id,
        min(transaction_date) as covered_from_date
    from {{ ref("int_transactions__merged") }}
    group by account_id
),

held_away as (
    select
        account_id,
        bool_or(is_held_away) as is_held_away
    from {{ ref("int_positions__aggregated") }}
    group by account_id
)

select
    accounts.account_id,
    least(whole_book.covered_from_date, own_files.covered_from_date) as history_from_date,
    coalesce(held_away.is_held_away, false) as is_held_away
from {{ ref("int_accounts__identified") }} as accounts
left join whole_book on accounts.custodian = whole_book.custodian
left join own_files on accounts.account_id = own_files.account_id
left join held_away on accounts.account_id = held_away.account_id
