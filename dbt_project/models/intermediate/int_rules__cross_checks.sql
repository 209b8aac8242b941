-- Rules that set two deliveries beside each other: a second source against the first, and files of changes
-- against the sessions that they must cover and the files that they change.
with broken_chains as (
    select
        custodian,
        feed,
        entity,
        min(last_full_date) as last_full_date,
        min(missing_session) as missing_session
    from {{ ref("int_feeds__delta_chains") }}
    where entity in ('accounts', 'positions', 'tax_lots', 'cash_balances')
    group by custodian, feed, entity
),

accounts as (
    select
        account_id,
        custodian
    from {{ ref("int_accounts__identified") }}
    where is_in_policy and account_status <> 'closed'
),

-- Through which feeds the account's rows come: a custodian may have two.
accounts_of_feeds as (
    select distinct
        account_id,
        custodian,
        feed
    from {{ ref("int_positions__aggregated") }}
    union
    select distinct
        account_id,
        custodian,
        feed
    from {{ ref("int_lots__keyed") }}
),

second_positions as (
    select *
    from {{ ref("int_cross_checks__positions") }}
    -- What a newer delivery replaced is a correction, not a second opinion.
    where set_aside_because <> 'newer_delivery'
),

second_cash as (
    select *
    from {{ ref("int_cross_checks__cash") }}
    where set_aside_because <> 'newer_delivery'
)

select
    'second_source_agrees_on_positions' as rule,
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    case
        when not is_in_source then 'none'
        else coalesce(cast(source_quantity as varchar), 'an unreadable quantity')
    end
    || ' in ' || coalesce(source_feed, 'the first source') || ', '
    || case
        when not is_stated then 'none'
        else coalesce(cast(stated_quantity as varchar), 'an unreadable quantity')
    end
    || ' in ' || feed as observed,
    case
        when is_in_source = is_stated and (source_quantity is null or stated_quantity is null)
            then
                'A second source of the account states this holding, and one of the two quantities cannot be '
                || 'read; ask the custodian for both.'
        else
            'A second source of the account states another quantity of this holding; ask the custodian '
            || 'which is right.'
    end
    || ' The first source is used, the position is flagged.' as message
from second_positions
where
    is_in_source <> is_stated
    or not coalesce({{ is_same_quantity("source_quantity", "stated_quantity") }}, false)
union all by name
select
    'newer_file_holds_what_the_older_did' as rule,
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    coalesce(cast(stated_quantity as varchar), 'an unreadable quantity') as observed,
    'A file of tonight that a newer one of the same feed replaces states this holding, and none that counts '
    || 'does: it is not counted. Ask the custodian whether the newer file is whole.' as message
from {{ ref("int_cross_checks__positions") }}
where set_aside_because = 'newer_delivery' and is_stated and not is_in_source
union all by name
select
    'second_source_agrees_on_cash' as rule,
    account_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    case
        when source_feed is null then 'none in the first source'
        else coalesce(cast(source_trade_date as varchar), 'an unreadable balance') || ' in ' || source_feed
    end
    || ', ' || coalesce(cast(stated_trade_date as varchar), 'an unreadable balance') || ' in ' || feed
    || ' (' || coalesce(currency, 'no currency') || ')' as observed,
    case
        when source_feed is null
            then
                'A second source of the account states cash in a currency of which the first states none; '
                || 'ask the custodian which is right.'
        when source_trade_date is null or stated_trade_date is null
            then
                'A second source of the account states its cash, and one of the two balances cannot be '
                || 'read; ask the custodian for both.'
        else 'A second source of the account states other cash; ask the custodian which is right.'
    end
    || ' The first source is used, the account is flagged.' as message
from second_cash
where
    case
        -- Nothing of a currency is said by leaving it out, or by a zero.
        when source_feed is null then coalesce(stated_trade_date <> 0 or stated_settlement_date <> 0, true)
        else
            coalesce(abs(source_trade_date - stated_trade_date) > 0.01, true)
            -- A source may state its balance by settlement alone.
            and coalesce(abs(source_settlement_date - stated_settlement_date) > 0.01, true)
    end
union all by name
select
    'newer_file_holds_the_cash_of_the_older' as rule,
    account_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    coalesce(cast(stated_trade_date as varchar), 'an unreadable balance') || ' ' || currency as observed,
    'A file of tonight that a newer one of the same feed replaces states cash in this currency, and none '
    || 'that counts does: it is not counted. Ask the custodian whether the newer file is whole.' as message
from {{ ref("int_cross_checks__cash") }}
where
    set_aside_because = 'newer_delivery'
    and source_feed is null
    and (stated_trade_date <> 0 or stated_trade_date is null)
union all by name
select
    'delta_chain_is_unbroken' as rule,
    accounts.account_id,
    accounts.custodian,
    broken_chains.feed,
    case
        when broken_chains.last_full_date is null then 'no full file'
        when broken_chains.missing_session is null
            then 'the last full file of ' || strftime(broken_chains.last_full_date, '%Y-%m-%d')
        else 'no file of ' || strftime(broken_chains.missing_session, '%Y-%m-%d')
    end as observed,
    'The ' || replace(broken_chains.entity, '_', ' ') || ' of ' || broken_chains.custodian
    || ' come as changes, and a link is missing'
    || coalesce(
        ' (' || strftime(broken_chains.missing_session, '%Y-%m-%d') || ')',
        ', or its full file is too long ago to tell'
    )
    || '; ask the custodian for that file or for a full one. The account is not traded until then.' as message
from accounts
inner join broken_chains on accounts.custodian = broken_chains.custodian
inner join accounts_of_feeds
    on
        accounts.account_id = accounts_of_feeds.account_id
        and broken_chains.feed = accounts_of_feeds.feed
union all by name
select
    'change_names_its_holding' as rule,
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    coalesce(cast(quantity as varchar), 'an unreadable quantity') as observed,
    'A file of changes names this holding by other ids than the file before it. It counts as a change of '
    || 'that holding, not as one more; ask the custodian whether it is, or for a full file. The position is '
    || 'not traded until then.' as message
from {{ ref("int_positions__sources") }}
where is_named_otherwise_before
