-- Rules about tonight's deliveries against those of the sessions before: as many rows, as much value, a file
-- of its own, no day without transactions.
with accounts as (
    select
        account_id,
        custodian
    from {{ ref("int_accounts__identified") }}
),

deliveries as (
    select
        custodian,
        entity,
        as_of_date,
        min(feed) as feed,
        sum(row_count) as row_count
    from {{ ref("stg_source_files") }}
    where
        entity in ('accounts', 'securities', 'positions', 'tax_lots', 'cash_balances', 'prices')
        and coalesce(delivery_mode, 'FULL') <> 'DELTA'
        and as_of_date >= {{ as_of_date() }} - 10
    group by custodian, entity, as_of_date
),

row_counts as (
    select
        tonight.custodian,
        tonight.entity,
        tonight.feed,
        tonight.row_count,
        arg_max(earlier.row_count, earlier.as_of_date) as previous_row_count,
        max(earlier.as_of_date) as previous_date
    from deliveries as tonight
    inner join deliveries as earlier
        on
            tonight.custodian = earlier.custodian
            and tonight.entity = earlier.entity
            and tonight.as_of_date > earlier.as_of_date
    where tonight.as_of_date = {{ as_of_date() }}
    group by tonight.custodian, tonight.entity, tonight.feed, tonight.row_count
),

values_before as (
    select
        accounts.custodian,
        max(earlier.previous_date) as previous_date,
        count(*) as position_count,
        sum(earlier.market_value) as market_value
    from {{ ref("int_changes__positions_before") }} as earlier
    inner join accounts on earlier.account_id = accounts.account_id
    group by accounts.custodian
),

values_tonight as (
    select
        custodian,
        min(feed) as feed,
        sum(market_value) as market_value
    from {{ ref("int_positions__aggregated") }}
    group by custodian
),

earlier_files as (
    select
        source_file_id,
        as_of_date
    from {{ ref("stg_source_files") }}
    where entity = 'positions' and as_of_date < {{ as_of_date() }} and row_count > 0
),

redelivered as (
    select
        positions.account_id,
        positions.source_file_id,
        max(earlier.as_of_date) as delivered_date,
        min(positions.custodian) as custodian,
        min(positions.feed) as feed
    from {{ ref("int_positions__sources") }} as positions
    inner join earlier_files as earlier
        on positions.source_file_id = earlier.source_file_id
    inner join {{ ref("stg_source_files") }} as tonight
        on
            positions.source_file_id = tonight.source_file_id
            and tonight.entity = 'positions'
            and tonight.as_of_date = {{ as_of_date() }}
    -- Without a price or a value a file may say the same on two days.
    where positions.market_value is not null or positions.price is not null
    group by positions.account_id, positions.source_file_id
),

transaction_deliveries as (
    select
        files.custodian,
        files.feed,
        bool_or(files.as_of_date = {{ as_of_date() }}) as has_tonight,
        bool_or(files.as_of_date = {{ previous_session_date() }}) as has_previous,
        max(files.as_of_date) filter (where files.as_of_date < {{ previous_session_date() }})
            as earlier_date,
        min(files.covered_from_date) filter (where files.as_of_date = {{ as_of_date() }})
            as covered_from_date
    from {{ ref("stg_source_files") }} as files
    where files.entity = 'transactions' and files.feed_role = 'source'
    group by files.custodian, files.feed
),

first_told as (
    select
        custodian,
        feed,
        min(transaction_date) as transaction_date
    from {{ ref("stg_transactions") }}
    where as_of_date = {{ as_of_date() }}
    group by custodian, feed
),

-- Trades of these months that one feed tells in other rows than another.
told_in_other_rows as (
    select
        account_id,
        security_id,
        transaction_date as trade_date,
        custodian,
        feed,
        min(other_rows_feed) as other_rows_feed,
        min(source_file_id) as source_file_id
    from {{ ref("int_transactions__told") }}
    where other_rows_feed is not null and security_id is not null
    group by account_id, security_id, transaction_date, custodian, feed
    union all
    select
        account_id,
        security_id,
        disposal_date as trade_date,
        custodian,
        feed,
        min(other_rows_feed) as other_rows_feed,
        min(source_file_id) as source_file_id
    from {{ ref("int_closed_lots__merged") }}
    where other_rows_feed is not null
    group by account_id, security_id, disposal_date, custodian, feed
),

broken as (
    select
        'row_count_is_near_the_last' as rule,
        custodian,
        feed,
        row_count || ' rows, ' || previous_row_count || ' on ' || strftime(previous_date, '%Y-%m-%d')
            as observed,
        'The number of rows of ' || replace(entity, '_', ' ') || ' of ' || custodian || ' went from '
        || previous_row_count || ' to ' || row_count || ' since ' || strftime(previous_date, '%Y-%m-%d')
        || '; ask the custodian whether the file is whole. The delivery is flagged.' as message
    from row_counts
    where
        greatest(row_count, previous_row_count) >= 20
        and abs(row_count - previous_row_count) > 0.20 * previous_row_count
    union all by name
    select
        'market_value_is_near_the_last' as rule,
        values_tonight.custodian,
        values_tonight.feed,
        round(values_tonight.market_value, 2) || ', ' || round(values_before.market_value, 2) || ' on '
        || strftime(values_before.previous_date, '%Y-%m-%d') as observed,
        'The value of all holdings at ' || values_tonight.custodian || ' moved by more than 10 % since '
        || strftime(values_before.previous_date, '%Y-%m-%d')
        || '; ask the custodian whether the file is whole and its prices are right. The delivery is flagged.'
            as message
    from values_tonight
    inner join values_before on values_tonight.custodian = values_before.custodian
    where
        values_before.position_count >= 20
        and abs(values_tonight.market_value - values_before.market_value)
        > abs(values_before.market_value) * 0.10
    union all by name
    select
        'positions_file_is_new' as rule,
        account_id,
        custodian,
        feed,
        source_file_id,
        'the file of ' || strftime(delivered_date, '%Y-%m-%d') as observed,
        'The file of positions is, byte for byte, that of ' || strftime(delivered_date, '%Y-%m-%d')
        || ': it is not of this session. Ask the custodian for tonight''s. The account is not traded until '
        || 'then.' as message
    from redelivered
    union all by name
    select
        'feeds_tell_trades_in_the_same_rows' as rule,
        account_id,
        security_id,
        custodian,
        feed,
        min(source_file_id) as source_file_id,
        strftime(trade_date, '%Y-%m-%d') || ': ' || feed || ' and ' || min(other_rows_feed) as observed,
        'Two feeds tell the trades of ' || strftime(trade_date, '%Y-%m-%d') || ' in this holding with the '
        || 'same sums and in other rows; those of ' || feed || ' count, the others do not. Look whether they '
        || 'are the same trades.' as message
    from told_in_other_rows
    -- What may still bear on a wash sale or on the gains of the year.
    where trade_date >= least({{ as_of_date() }} - 61, date_trunc('year', {{ as_of_date() }}))
    group by account_id, security_id, trade_date, custodian, feed
    union all by name
    select
        'delivery_has_no_gap' as rule,
        transaction_deliveries.custodian,
        transaction_deliveries.feed,
        'no transactions of ' || strftime({{ previous_session_date() }}, '%Y-%m-%d') as observed,
        'No file tells the transactions of ' || transaction_deliveries.custodian || ' of '
        || strftime({{ previous_session_date() }}, '%Y-%m-%d')
        || '; ask the custodian for that day''s file. Changes since cannot be checked.' as message
    from transaction_deliveries
    left join first_told
        on
            transaction_deliveries.custodian = first_told.custodian
            and transaction_deliveries.feed = first_told.feed
    where
        transaction_deliveries.has_tonight
        and not transaction_deliveries.has_previous
        and transaction_deliveries.earlier_date is not null
        and coalesce(
            least(transaction_deliveries.covered_from_date, first_told.transaction_date), {{ as_of_date() }}
        ) > {{ previous_session_date() }}
)

select
    rule,
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    observed,
    message
from broken
