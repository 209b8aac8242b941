-- Transactions of all files up to the session, each once, cancelled ones and cancels too, with what is
-- known of them. With the custodian's id, the newest file that names the id holds. Without one, files
-- overlap: rows that are alike are numbered within each file and the same row with the same number is the
-- same transaction, so that the larger count over files holds, not the sum; between feeds, rows that agree
-- in security, date, units and amount are alike, and where a day's rows differ and their sums do not (two
-- fills beside one trade), one feed's rows hold. A second opinion tells transactions only of accounts that
-- no other feed tells any of. All files are read every night: a correction may be of any age.
with files as (
    select
        as_of_date,
        source_file_id,
        custodian,
        file_name,
        feed_role = 'cross_check' as is_cross_check,
        row_number() over (
            order by as_of_date desc, received_at desc, source_file_id desc, custodian asc, file_name asc
        ) as file_age
    from {{ ref("stg_source_files") }}
    where entity = 'transactions'
),

told as materialized (
    select
        account_references.account_id,
        -- A row of money alone names no security.
        case when not ends_with(transactions.security_key, '||||') then identified.security_id end
            as security_id,
        transactions.*,
        files.file_name,
        files.file_age,
        coalesce(files.is_cross_check, false) as is_cross_check,
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
            -- The same bytes may come from two custodians.
            and transactions.custodian = files.custodian
),

second_opinions as (
    select distinct account_id from told
    where is_cross_check
),

first_hand as (
    select distinct told.account_id
    from told
    inner join second_opinions on told.account_id = second_opinions.account_id
    where not told.is_cross_check
),

received as materialized (
    select told.*
    from told
    left join first_hand on told.account_id = first_hand.account_id
    where not told.is_cross_check or first_hand.account_id is null
),

ids as (
    select
        account_id,
        transaction_id,
        min(file_age) as file_age,
        min(as_of_date) as first_known_date,
        -- An older file told a transaction under the id; a cancel told again replaces nothing.
        coalesce(
            max(file_age) filter (where not coalesce(is_cancel, false)) > min(file_age), false
        ) as is_replacement,
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
        as_of_date,
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
            received.as_of_date,
            received.source_row_number,
            {{ transaction_content_key("received") }} as content_key
        from received
        where received.transaction_id is null
    ) as contents
),

kept as (
    select
        received.row_id,
        'I:' || received.transaction_id as transaction_key,
        ids.first_known_date,
        ids.is_replacement
    from received
    inner join ids
        on
            received.account_id = ids.account_id
            and received.transaction_id = ids.transaction_id
    where ids.row_count = 1
    union all
    select
        repeated.row_id,
        'I:' || repeated.transaction_id
        || case
            when count(*) over (partition by repeated.account_id, repeated.transaction_id) > 1
                then ':' || left(repeated.content_key, 12)
            else ''
        end as transaction_key,
        ids.first_known_date,
        ids.is_replacement
    from repeated
    inner join ids
        on
            repeated.account_id = ids.account_id
            and repeated.transaction_id = ids.transaction_id
    union all
    select
        arg_min(row_id, file_age) as row_id,
        'C:' || content_key || '-' || occurrence as transaction_key,
        min(as_of_date) as first_known_date,
        false as is_replacement
    from occurrences
    group by account_id, content_key, occurrence
),

kept_rows as (
    select
        received.*,
        kept.transaction_key,
        kept.first_known_date,
        kept.is_replacement
    from received
    inner join kept on received.row_id = kept.row_id
),

-- Accounts that several feeds tell of: what they agree in is one transaction, told by the standard feed
-- or the one that arrived last.
feeds as (
    select
        account_id,
        feed,
        count(*) over (partition by account_id) as feed_count,
        row_number() over (
            partition by account_id
            order by feed = 'standard_feed' desc, min(file_age) asc, feed asc
        ) as feed_rank
    from kept_rows
    group by account_id, feed
),

told_by_several as (
    select
        kept_rows.row_id,
        kept_rows.account_id,
        kept_rows.security_id,
        kept_rows.transaction_date,
        kept_rows.quantity,
        kept_rows.net_amount,
        kept_rows.feed,
        kept_rows.first_known_date,
        feeds.feed_rank,
        coalesce(kept_rows.quantity <> 0, false) as has_units,
        coalesce(nullif(sign(kept_rows.quantity), 0), sign(kept_rows.net_amount), 0) as direction,
        row_number() over (
            partition by
                kept_rows.account_id, kept_rows.feed, kept_rows.security_id, kept_rows.transaction_date,
                kept_rows.quantity, kept_rows.net_amount, coalesce(kept_rows.is_cancel, false)
            order by kept_rows.transaction_key
        ) as occurrence,
        coalesce(kept_rows.is_cancel, false) as is_cancel
    from kept_rows
    inner join feeds
        on
            kept_rows.account_id = feeds.account_id
            and kept_rows.feed = feeds.feed
            and feeds.feed_count > 1
    where kept_rows.quantity is not null or kept_rows.net_amount is not null
),

told_again as (
    select
        row_id,
        row_number() over alike > 1 as is_told_again,
        min(first_known_date) over alike_all as first_known_date
    from told_by_several
    window
        alike as (
            partition by
                account_id, security_id, transaction_date, quantity, net_amount, is_cancel, occurrence
            order by feed_rank asc
        ),
        alike_all as (
            partition by
                account_id, security_id, transaction_date, quantity, net_amount, is_cancel, occurrence
        )
),

-- What each feed tells in all of one day's purchases, sales or other movements of a security.
day_sums as (
    select
        account_id,
        security_id,
        transaction_date,
        is_cancel,
        has_units,
        direction,
        feed,
        feed_rank,
        sum(quantity) as quantity,
        case when count(net_amount) = count(*) then sum(net_amount) end as net_amount
    from told_by_several
    group by
        account_id, security_id, transaction_date, is_cancel, has_units, direction, feed, feed_rank
),

-- The same sums, told by a feed that goes before: one of the two says in several rows what the other says in
-- one, or rounds otherwise.
told_in_sum as (
    select
        other.account_id,
        other.security_id,
        other.transaction_date,
        other.is_cancel,
        other.has_units,
        other.direction,
        other.feed,
        arg_min(first_told.feed, first_told.feed_rank) as first_feed
    from day_sums as other
    inner join day_sums as first_told
        on
            other.account_id = first_told.account_id
            and other.security_id is not distinct from first_told.security_id
            and other.transaction_date = first_told.transaction_date
            and other.is_cancel = first_told.is_cancel
            and other.has_units = first_told.has_units
            and other.direction = first_told.direction
            and other.feed_rank > first_told.feed_rank
    where
        case
            when other.has_units
                then
                    other.quantity = first_told.quantity
                    and {{ amounts_nearly_agree("first_told.net_amount", "other.net_amount") }}
            else other.net_amount = first_told.net_amount
        end
    group by
        other.account_id, other.security_id, other.transaction_date, other.is_cancel, other.has_units,
        other.direction, other.feed
),

left_out as (
    select
        several.row_id,
        told_in_sum.first_feed,
        not told_again.is_told_again as is_in_other_rows
    from told_by_several as several
    inner join told_again on several.row_id = told_again.row_id
    inner join told_in_sum
        on
            several.account_id = told_in_sum.account_id
            and several.security_id is not distinct from told_in_sum.security_id
            and several.transaction_date = told_in_sum.transaction_date
            and several.is_cancel = told_in_sum.is_cancel
            and several.has_units = told_in_sum.has_units
            and several.direction = told_in_sum.direction
            and several.feed = told_in_sum.feed
),

-- What holds of a day that another feed tells in other rows.
told_otherwise as (
    select
        several.row_id,
        min(others.feed) as other_rows_feed
    from told_by_several as several
    inner join told_by_several as others
        on
            several.account_id = others.account_id
            and several.security_id is not distinct from others.security_id
            and several.transaction_date = others.transaction_date
            and several.is_cancel = others.is_cancel
            and several.has_units = others.has_units
            and several.direction = others.direction
    inner join left_out
        on
            others.row_id = left_out.row_id
            and several.feed = left_out.first_feed
            and left_out.is_in_other_rows
    group by several.row_id
),

merged as materialized (
    select
        kept_rows.* exclude (first_known_date),
        coalesce(told_again.first_known_date, kept_rows.first_known_date) as first_known_date,
        told_otherwise.other_rows_feed
    from kept_rows
    left join told_again on kept_rows.row_id = told_again.row_id
    left join left_out on kept_rows.row_id = left_out.row_id
    left join told_otherwise on kept_rows.row_id = told_otherwise.row_id
    where
        (told_again.row_id is null or not told_again.is_told_again)
        and left_out.row_id is null
),

-- A cancel names what it cancels, or has the id of it, or says the same with units or amount turned round.
cancels as materialized (
    select * from merged
    where is_cancel
),

cancelled_by_name as (
    select
        cancels.row_id as cancel_row_id,
        merged.row_id,
        'reversal_of' as matched_by
    from cancels
    inner join merged
        on
            cancels.account_id = merged.account_id
            and cancels.reversal_of = merged.transaction_id
    where not coalesce(merged.is_cancel, false)
),

-- A correction under the same id says something else than the cancel beside it, and stands.
cancelled_by_id as (
    select
        cancels.row_id as cancel_row_id,
        merged.row_id,
        'transaction_id' as matched_by
    from cancels
    inner join merged
        on
            cancels.account_id = merged.account_id
            and cancels.transaction_id = merged.transaction_id
    where
        cancels.reversal_of is null
        and not coalesce(merged.is_cancel, false)
        and (
            (cancels.quantity is null and cancels.net_amount is null)
            or (
                cancels.transaction_date is not distinct from merged.transaction_date
                and abs(cancels.quantity) is not distinct from abs(merged.quantity)
                and abs(cancels.net_amount) is not distinct from abs(merged.net_amount)
            )
        )
),

-- Which way what it cancels went: a purchase and a sale of one day may agree in all but that.
loose_cancels as (
    select
        row_id,
        account_id,
        security_id,
        transaction_date,
        quantity,
        net_amount,
        transaction_key,
        -coalesce(nullif(sign(quantity), 0), sign(net_amount), 0) as direction
    from cancels
    where
        reversal_of is null
        -- What an older file told under the id has fallen away with that file's row.
        and not is_replacement
        and (quantity is not null or net_amount is not null)
        and row_id not in (select cancelled_by_id.cancel_row_id from cancelled_by_id)
),

cancelling_accounts as (
    select distinct account_id from loose_cancels
),

cancellable as (
    select
        merged.row_id,
        merged.account_id,
        merged.security_id,
        merged.transaction_date,
        merged.quantity,
        merged.net_amount,
        merged.transaction_key,
        coalesce(nullif(sign(merged.quantity), 0), sign(merged.net_amount), 0) as direction
    from merged
    inner join cancelling_accounts on merged.account_id = cancelling_accounts.account_id
    where
        not coalesce(merged.is_cancel, false)
        and merged.row_id not in (select cancelled_by_name.row_id from cancelled_by_name)
        and merged.row_id not in (select cancelled_by_id.row_id from cancelled_by_id)
),

-- First what it turns round; then, of custodians that repeat the signs, what says the same.
turning as (
    select
        *,
        row_number() over (
            partition by
                account_id, security_id, transaction_date, abs(quantity), abs(net_amount), direction
            order by transaction_key
        ) as place
    from loose_cancels
),

turned as (
    select
        *,
        row_number() over (
            partition by
                account_id, security_id, transaction_date, abs(quantity), abs(net_amount), direction
            order by transaction_key
        ) as place
    from cancellable
),

turned_round as materialized (
    select
        turning.row_id as cancel_row_id,
        turned.row_id
    from turning
    inner join turned
        on
            turning.account_id = turned.account_id
            and turning.security_id is not distinct from turned.security_id
            and turning.transaction_date = turned.transaction_date
            and abs(turning.quantity) is not distinct from abs(turned.quantity)
            and abs(turning.net_amount) is not distinct from abs(turned.net_amount)
            and turning.direction = turned.direction
            and turning.place = turned.place
),

repeating as (
    select
        *,
        row_number() over (
            partition by account_id, security_id, transaction_date, abs(quantity), abs(net_amount)
            order by transaction_key
        ) as place
    from loose_cancels
    where row_id not in (select turned_round.cancel_row_id from turned_round)
),

repeated_by as (
    select
        *,
        row_number() over (
            partition by account_id, security_id, transaction_date, abs(quantity), abs(net_amount)
            order by transaction_key
        ) as place
    from cancellable
    where row_id not in (select turned_round.row_id from turned_round)
),

said_again as (
    select
        repeating.row_id as cancel_row_id,
        repeated_by.row_id
    from repeating
    inner join repeated_by
        on
            repeating.account_id = repeated_by.account_id
            and repeating.security_id is not distinct from repeated_by.security_id
            and repeating.transaction_date = repeated_by.transaction_date
            and abs(repeating.quantity) is not distinct from abs(repeated_by.quantity)
            and abs(repeating.net_amount) is not distinct from abs(repeated_by.net_amount)
            and repeating.place = repeated_by.place
),

cancelled_by_content as (
    select
        cancel_row_id,
        row_id,
        'content' as matched_by
    from turned_round
    union all
    select
        cancel_row_id,
        row_id,
        'content' as matched_by
    from said_again
),

cancelled as (
    select * from cancelled_by_name
    union all
    select * from cancelled_by_id
    union all
    select * from cancelled_by_content
),

verdicts as (
    select
        row_id,
        min(matched_by) as cancel_matched_by,
        true as is_cancelled
    from cancelled
    group by row_id
    union all
    select
        cancel_row_id as row_id,
        min(matched_by) as cancel_matched_by,
        false as is_cancelled
    from cancelled
    group by cancel_row_id
)

select
    merged.account_id,
    accounts.household_id,
    merged.security_id,
    merged.transaction_key,
    merged.transaction_date,
    merged.transaction_time,
    merged.settlement_date,
    merged.entry_date,
    merged.first_known_date,
    merged.transaction_type,
    merged.source_type,
    merged.sub_account_type,
    merged.quantity,
    merged.price,
    merged.net_amount,
    merged.accrued_interest,
    merged.currency,
    merged.transaction_id,
    coalesce(merged.is_cancel, false) as is_cancel,
    coalesce(verdicts.is_cancelled, false) as is_cancelled,
    coalesce(
        verdicts.cancel_matched_by,
        case
            when merged.is_cancel and merged.reversal_of is null and merged.is_replacement
                then 'transaction_id'
        end
    ) as cancel_matched_by,
    merged.other_rows_feed,
    merged.custodian,
    merged.feed,
    merged.file_name,
    merged.source_file_id,
    merged.source_row_number
from merged
left join {{ ref("int_accounts__identified") }} as accounts on merged.account_id = accounts.account_id
left join verdicts on merged.row_id = verdicts.row_id
