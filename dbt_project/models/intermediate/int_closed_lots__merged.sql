-- Disposed lots of all files up to the session, each once; merged as int_transactions__told does. A sale
-- of several lots has one transaction id, so that all rows of the newest file with the id hold. Without
-- one a sale is known by its lot, dates, units and proceeds: cost, gain, term and disallowed loss are what
-- a later file restates (a purchase within 30 days makes a wash sale of it), and the newest file holds.
with told as (
    select
        account_references.account_id,
        identified.security_id,
        closed_lots.*,
        files.received_at,
        coalesce(files.feed_role = 'cross_check', false) as is_cross_check
    from {{ ref("stg_closed_lots") }} as closed_lots
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            closed_lots.custodian = account_references.custodian
            and closed_lots.account_number = account_references.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on closed_lots.security_key = identified.security_key
    inner join {{ ref("stg_source_files") }} as files
        on
            closed_lots.as_of_date = files.as_of_date
            and closed_lots.source_file_id = files.source_file_id
            -- The same bytes may come from two custodians.
            and closed_lots.custodian = files.custodian
            and files.entity = 'closed_lots'
),

-- A second opinion tells sales only of accounts that no other feed tells any of.
first_hand as (
    select distinct account_id from told
    where not is_cross_check
),

received as (
    select told.*
    from told
    left join first_hand on told.account_id = first_hand.account_id
    where not told.is_cross_check or first_hand.account_id is null
),

occurrences as (
    select
        *,
        row_number() over (
            partition by account_id, content_key, as_of_date, source_file_id
            order by source_row_number
        ) as occurrence
    from (
        select
            *,
            md5(
                concat_ws(
                    '|',
                    security_key,
                    source_lot_id,
                    transaction_id,
                    acquisition_date,
                    disposal_date,
                    quantity,
                    proceeds,
                    currency
                )
            ) as content_key
        from received
    ) as contents
),

kept as (
    select * from occurrences
    where transaction_id is not null
    qualify
        dense_rank() over (
            partition by account_id, transaction_id
            order by as_of_date desc, received_at desc, source_file_id desc
        ) = 1
    union all
    select * from occurrences
    where transaction_id is null
    qualify
        row_number() over (
            partition by account_id, content_key, occurrence
            order by as_of_date desc, received_at desc, source_file_id desc
        ) = 1
),

-- Accounts that several feeds tell of: what they agree in is one sale. One feed signs the units, another does
-- not.
feeds as (
    select
        account_id,
        feed,
        count(*) over (partition by account_id) as feed_count,
        row_number() over (
            partition by account_id
            order by feed = 'standard_feed' desc, max(received_at) desc, feed asc
        ) as feed_rank
    from kept
    group by account_id, feed
),

told_by_several as (
    select
        kept.account_id,
        kept.content_key,
        kept.occurrence,
        kept.source_file_id,
        kept.source_row_number,
        kept.feed,
        feeds.feed_rank,
        kept.security_id,
        kept.acquisition_date,
        kept.disposal_date,
        abs(kept.quantity) as quantity,
        kept.proceeds,
        row_number() over (
            partition by
                kept.account_id, kept.feed, kept.security_id, kept.acquisition_date, kept.disposal_date,
                abs(kept.quantity), kept.proceeds
            order by kept.content_key, kept.occurrence, kept.source_file_id, kept.source_row_number
        ) as place
    from kept
    inner join feeds
        on
            kept.account_id = feeds.account_id
            and kept.feed = feeds.feed
            and feeds.feed_count > 1
),

told_again as (
    select
        source_file_id,
        source_row_number
    from told_by_several
    qualify
        row_number() over (
            partition by
                account_id, security_id, acquisition_date, disposal_date, quantity, proceeds, place
            order by feed_rank asc
        ) > 1
),

-- A day's sales of a security that two feeds tell in other rows and the same sums: those of the first hold.
day_sums as (
    select
        account_id,
        security_id,
        disposal_date,
        feed,
        feed_rank,
        case when count(quantity) = count(*) then sum(quantity) end as quantity,
        case when count(proceeds) = count(*) then sum(proceeds) end as proceeds
    from told_by_several
    group by account_id, security_id, disposal_date, feed, feed_rank
),

told_in_sum as (
    select
        other.account_id,
        other.security_id,
        other.disposal_date,
        other.feed,
        arg_min(first_told.feed, first_told.feed_rank) as first_feed
    from day_sums as other
    inner join day_sums as first_told
        on
            other.account_id = first_told.account_id
            and other.security_id = first_told.security_id
            and other.disposal_date = first_told.disposal_date
            and other.feed_rank > first_told.feed_rank
            and other.quantity = first_told.quantity
    where {{ amounts_nearly_agree("first_told.proceeds", "other.proceeds") }}
    group by other.account_id, other.security_id, other.disposal_date, other.feed
),

in_other_rows as (
    select
        several.source_file_id,
        several.source_row_number,
        several.account_id,
        several.security_id,
        several.disposal_date,
        several.feed,
        told_in_sum.first_feed
    from told_by_several as several
    inner join told_in_sum
        on
            several.account_id = told_in_sum.account_id
            and several.security_id = told_in_sum.security_id
            and several.disposal_date = told_in_sum.disposal_date
            and several.feed = told_in_sum.feed
    left join told_again
        on
            several.source_file_id = told_again.source_file_id
            and several.source_row_number = told_again.source_row_number
    where told_again.source_file_id is null
),

told_otherwise as (
    select
        account_id,
        security_id,
        disposal_date,
        first_feed,
        min(feed) as other_rows_feed
    from in_other_rows
    group by account_id, security_id, disposal_date, first_feed
),

merged as (
    select
        kept.*,
        told_otherwise.other_rows_feed
    from kept
    left join told_again
        on
            kept.source_file_id = told_again.source_file_id
            and kept.source_row_number = told_again.source_row_number
    left join in_other_rows
        on
            kept.source_file_id = in_other_rows.source_file_id
            and kept.source_row_number = in_other_rows.source_row_number
    left join told_otherwise
        on
            kept.account_id = told_otherwise.account_id
            and kept.security_id = told_otherwise.security_id
            and kept.disposal_date = told_otherwise.disposal_date
            and kept.feed = told_otherwise.first_feed
    where told_again.source_file_id is null and in_other_rows.source_file_id is null
)

select
    merged.account_id,
    accounts.household_id,
    merged.security_id,
    merged.content_key || '-' || merged.occurrence as closed_lot_key,
    merged.source_lot_id,
    case
        when
            not coalesce({{ is_sentinel_date("merged.acquisition_date") }}, false)
            then merged.acquisition_date
    end
        as acquisition_date,
    case
        when {{ is_sentinel_date("merged.acquisition_date") }} then 'sentinel'
        else merged.acquisition_date_status
    end as acquisition_date_status,
    merged.disposal_date,
    merged.quantity,
    merged.proceeds,
    merged.cost_basis,
    merged.cost_basis_unadjusted,
    merged.cost_basis_status,
    coalesce(merged.realized_gain_loss, merged.proceeds - merged.cost_basis) as realized_gain,
    merged.term,
    merged.disallowed_loss,
    merged.wash_sale_flag,
    merged.disposal_method,
    merged.covered_status,
    merged.transaction_id,
    merged.currency,
    merged.custodian,
    merged.feed,
    merged.other_rows_feed,
    merged.source_file_id,
    merged.source_row_number
from merged
left join {{ ref("int_accounts__identified") }} as accounts on merged.account_id = accounts.account_id
where merged.disposal_date is not null
