-- Since when an account's transactions are known. A file covers from the day it says it begins with (its
-- title, its period); where it says none, from its first transaction of the account on. A delivery whose
-- accounts come in a file of their own (the standard feed, an institution's) covers all accounts of that
-- file; any other covers those it speaks of. A file covers up to the end of its period, or up to its own day
-- where it says none. Where files that say their period leave a gap between them, what is before the gap does
-- not count; nor does any of it where the gap is between the last period and the day its file was made.
with files as (
    select
        as_of_date,
        source_file_id,
        min(custodian) as custodian,
        min(feed) as feed,
        bool_and(coalesce(feed_role = 'cross_check', false)) as is_cross_check,
        min(covered_from_date) as covered_from_date,
        min(covered_to_date) as covered_to_date
    from {{ ref("stg_source_files") }}
    where entity = 'transactions'
    group by as_of_date, source_file_id
),

told as (
    select
        as_of_date,
        source_file_id,
        custodian,
        account_number,
        min(transaction_date) as first_transaction_date
    from {{ ref("stg_transactions") }}
    group by as_of_date, source_file_id, custodian, account_number
),

first_transactions as (
    select
        as_of_date,
        source_file_id,
        min(first_transaction_date) as first_transaction_date
    from told
    group by as_of_date, source_file_id
),

-- Feeds whose transaction files name no accounts beside: their accounts come in another file.
files_with_accounts as (
    select distinct
        custodian,
        feed
    from {{ ref("stg_source_files") }}
    where entity = 'accounts' and source_file_id in (select files.source_file_id from files)
),

whole_feeds as (
    select
        files.custodian,
        files.feed,
        min(
            coalesce(
                files.covered_from_date,
                least(files.as_of_date, coalesce(first_transactions.first_transaction_date, files.as_of_date))
            )
        ) as covered_from_date
    from files
    left join first_transactions
        on
            files.as_of_date = first_transactions.as_of_date
            and files.source_file_id = first_transactions.source_file_id
    left join files_with_accounts
        on
            files.custodian = files_with_accounts.custodian
            and files.feed = files_with_accounts.feed
    where files_with_accounts.feed is null
    group by files.custodian, files.feed
),

feed_accounts as (
    select distinct
        account_references.account_id,
        accounts.custodian,
        accounts.feed
    from {{ ref("stg_accounts") }} as accounts
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            accounts.custodian = account_references.custodian
            and accounts.account_number = account_references.account_number
    union
    -- The standard feed is a custodian's whole book, also for an account without a row tonight.
    select
        account_id,
        custodian,
        'standard_feed' as feed
    from {{ ref("int_accounts__identified") }}
),

whole_book as (
    select
        feed_accounts.account_id,
        min(whole_feeds.covered_from_date) as covered_from_date
    from feed_accounts
    inner join whole_feeds
        on
            feed_accounts.custodian = whole_feeds.custodian
            and feed_accounts.feed = whole_feeds.feed
    group by feed_accounts.account_id
),

named as (
    select
        as_of_date,
        source_file_id,
        custodian,
        account_number,
        first_transaction_date
    from told
    union all
    select
        as_of_date,
        source_file_id,
        custodian,
        account_number,
        cast(null as date) as first_transaction_date
    from {{ ref("stg_file_accounts") }}
),

spans as (
    select
        account_references.account_id,
        files.as_of_date as delivered_date,
        -- least leaves nulls out.
        least(files.as_of_date, files.covered_to_date) as covered_to_date,
        files.is_cross_check,
        files.covered_from_date is not null as is_stated,
        coalesce(files.covered_from_date, min(named.first_transaction_date)) as covered_from_date
    from named
    inner join files
        on
            named.as_of_date = files.as_of_date
            and named.source_file_id = files.source_file_id
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            named.custodian = account_references.custodian
            and named.account_number = account_references.account_number
    group by
        account_references.account_id, files.as_of_date, files.source_file_id, files.covered_from_date,
        files.covered_to_date, files.is_cross_check
    -- Where another feed tells the account's transactions, a second opinion's are not taken.
    qualify
        not files.is_cross_check
        or bool_and(files.is_cross_check) over (partition by account_references.account_id)
),

-- The next weekday after what is covered so far; a holiday counts as a gap.
stated_spans as (
    select
        *,
        max(covered_to_date) over earlier_spans as covered_before_date
    from spans
    where is_stated
    window earlier_spans as (
        partition by account_id
        order by covered_from_date, covered_to_date
        rows between unbounded preceding and 1 preceding
    )
),

-- The first day that a period may begin with and leave no gap after what is covered before it.
followed_spans as (
    select
        *,
        {{ next_weekday("covered_before_date") }} as expected_from_date
    from stated_spans
),

own_files as (
    select
        account_id,
        case
            when {{ next_weekday("max(covered_to_date)") }} >= max(delivered_date)
                then
                    max(covered_from_date) filter (
                        where covered_before_date is null or covered_from_date > expected_from_date
                    )
        end as covered_from_date
    from followed_spans
    group by account_id
    union all
    select
        account_id,
        min(covered_from_date) as covered_from_date
    from spans
    where not is_stated
    group by account_id
),

own_coverage as (
    select
        account_id,
        min(covered_from_date) as covered_from_date
    from own_files
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
    least(whole_book.covered_from_date, own_coverage.covered_from_date) as history_from_date,
    coalesce(held_away.is_held_away, false) as is_held_away
from {{ ref("int_accounts__identified") }} as accounts
left join whole_book on accounts.account_id = whole_book.account_id
left join own_coverage on accounts.account_id = own_coverage.account_id
left join held_away on accounts.account_id = held_away.account_id
