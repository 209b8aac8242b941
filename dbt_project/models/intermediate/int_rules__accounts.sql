-- Rules about accounts: are they known, did their data arrive, is their cash understood.
with holders as (
    select distinct account_id from {{ ref("int_positions__aggregated") }}
),

accounts as (
    select
        accounts.*,
        cash.currencies_without_rate,
        cash.is_readable as is_cash_readable,
        cash.is_overdrawn,
        cash.stated_twice_difference,
        cash.account_id is not null as has_cash,
        holders.account_id is not null as has_positions,
        lots_alone.lot_count as lots_alone_count,
        lots_alone.market_value as lots_alone_value
    from {{ ref("int_accounts__identified") }} as accounts
    left join {{ ref("int_cash__by_account") }} as cash on accounts.account_id = cash.account_id
    left join holders on accounts.account_id = holders.account_id
    left join {{ ref("int_lots__without_positions") }} as lots_alone
        on accounts.account_id = lots_alone.account_id
),

ambiguous as (
    select
        custodian,
        account_id,
        account_number,
        regexp_extract(account_number, '[0-9]+$') as visible_digits
    from {{ ref("int_account_references__resolved") }}
    where is_ambiguous
),

-- Accounts that a reference of tonight may mean, and does not tell.
perhaps_meant as (
    select
        accounts.account_id,
        min({{ masked_number("ambiguous.account_number") }}) as reference
    from accounts
    inner join ambiguous
        on
            accounts.custodian = ambiguous.custodian
            and accounts.account_id <> ambiguous.account_id
            and ambiguous.visible_digits <> ''
            and ends_with(accounts.account_number, ambiguous.visible_digits)
    group by accounts.account_id
),

custodians as (
    select
        custodian,
        min(feed) as feed
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }} and entity = 'positions'
    group by custodian
),

open_accounts as (
    select * from accounts
    where is_in_policy and account_status <> 'closed'
),

-- A wrapper (a plan with a brokerage window) and the accounts that it holds, each with what it is worth.
-- The row by which a plan names the window is left out of its holdings; what is found here says the same
-- in rows of other names.
worth as (
    select
        account_id,
        case when count(market_value) = count(*) then sum(market_value) end as market_value
    from {{ ref("int_positions__aggregated") }}
    group by account_id
),

wrappers as (
    select
        links.parent_account_id as account_id,
        min(links.custodian) as custodian,
        case when count(worth.market_value) = count(*) then sum(worth.market_value) end as children_value,
        count(*) as child_count
    from {{ ref("int_accounts__links") }} as links
    inner join worth on links.account_id = worth.account_id
    group by links.parent_account_id
),

-- A row of the wrapper that is worth what its accounts are worth together says the same again; so does a
-- wrapper that is worth as much in all.
counted_twice as (
    select
        wrappers.account_id,
        wrappers.custodian,
        wrappers.children_value,
        wrappers.child_count
    from wrappers
    where
        exists (
            select positions.security_id
            from {{ ref("int_positions__aggregated") }} as positions
            where
                positions.account_id = wrappers.account_id
                and abs(positions.market_value - wrappers.children_value)
                <= greatest(1, 0.0005 * abs(wrappers.children_value))
        )
        or exists (
            select worth.account_id
            from worth
            where
                worth.account_id = wrappers.account_id
                and abs(worth.market_value - wrappers.children_value)
                <= greatest(1, 0.0005 * abs(wrappers.children_value))
        )
),

broken as (
    select
        'account_is_in_policy' as rule,
        account_id,
        custodian,
        {{ masked_number("account_number") }} as observed,
        'The custodian sends an account that the firm has no settings for; add it to the '
        || 'account_settings file or ask the custodian to stop sending it. It belongs to no household until '
        || 'then.' as message
    from accounts
    where
        not is_in_policy
        and (has_cash or has_positions or is_in_custodian_accounts)
        -- A reference that fits two accounts has settings, only not one's: account_reference_is_unambiguous.
        and account_id not in (select ambiguous.account_id from ambiguous)
    union all by name
    select
        'account_has_an_ips' as rule,
        account_id,
        custodian,
        'no allocation group' as observed,
        'No Investment Policy Statement is set for the account; assign it to an allocation group. It is '
        || 'listed but not traded.' as message
    from open_accounts
    where allocation_group_id is null
    union all by name
    select
        'allocation_group_is_known' as rule,
        account_id,
        custodian,
        allocation_group_id as observed,
        'The account names the allocation group '
        || allocation_group_id
        || ', which the allocation_groups file does not hold; correct one of the two. The account is not '
        || 'traded.' as message
    from open_accounts
    where allocation_group_id is not null and not is_group_known
    union all by name
    select
        'household_is_known' as rule,
        account_id,
        custodian,
        household_id as observed,
        'The account names a household that the households file does not hold; correct one of the two. '
        || 'The account is not traded.' as message
    from open_accounts
    where not is_household_known
    union all by name
    select
        'account_type_is_known' as rule,
        account_id,
        custodian,
        coalesce(account_type, 'none') as observed,
        'The account type is none of the known ones, so its tax treatment is not known; correct the '
        || 'account_settings file. The account is not traded.' as message
    from open_accounts
    where tax_treatment is null
    union all by name
    select
        'account_settings_can_be_read' as rule,
        account_id,
        custodian,
        settings_file_id as source_file_id,
        settings_row_number as source_row_number,
        rejected_values::varchar as observed,
        'A setting of the account cannot be read; correct it in the account_settings file. The account '
        || 'is not traded.'
            as message
    from open_accounts
    where rejected_values is not null
    union all by name
    select
        'account_is_open_at_custodian' as rule,
        account_id,
        custodian,
        custodian_account_status as observed,
        'The custodian says the account is not open; close it in the account_settings file or ask the '
        || 'custodian. It is not traded.' as message
    from open_accounts
    where custodian_account_status <> 'OPEN'
    union all by name
    select
        'account_is_in_todays_files' as rule,
        open_accounts.account_id,
        open_accounts.custodian,
        custodians.feed,
        'no position, no cash' as observed,
        case
            when perhaps_meant.account_id is null
                then
                    'Tonight''s files of the custodian hold neither a position nor cash of this account; '
                    || 'ask for a complete file, or close the account in the account_settings file. Its '
                    || 'household waits.'
            else
                'Tonight''s files show the number ' || perhaps_meant.reference || ', which fits this '
                || 'account and another one; say in the account_references file which it is, or ask the '
                || 'custodian for full numbers. Its household waits.'
        end as message
    from open_accounts
    left join custodians on open_accounts.custodian = custodians.custodian
    left join perhaps_meant on open_accounts.account_id = perhaps_meant.account_id
    where
        not open_accounts.has_cash
        and not open_accounts.has_positions
        and open_accounts.custodian not in (
            select missing.custodian from {{ ref("int_feeds__missing") }} as missing
            where missing.entity = 'positions'
        )
    union all by name
    -- The file of positions may be cut: what it does not hold is not nothing.
    select
        'account_holds_its_lots' as rule,
        account_id,
        custodian,
        lots_alone_count
        || case lots_alone_count when 1 then ' lot' else ' lots' end
        || ' without a position, worth '
        || round(lots_alone_value, 2) as observed,
        'The account has tax lots of holdings that tonight''s positions do not show'
        || case when has_positions then '' else '; they show no holding of it at all' end
        || ': its positions may be cut, or its lots late. Ask the custodian for a complete file. The account '
        || 'is not traded until they agree'
        || case
            when has_positions then ', and the value of the lots counts as uncertain.'
            else ', and its value counts as unknown.'
        end as message
    from open_accounts
    where lots_alone_count > 0
    union all by name
    select
        'currency_of_cash_has_a_rate' as rule,
        account_id,
        custodian,
        currencies_without_rate as observed,
        'The account holds cash in '
        || currencies_without_rate
        || ' and tonight''s files give no rate to dollars; add the rate to the fx_rates file. The account '
        || 'is withheld until then.' as message
    from accounts
    where currencies_without_rate is not null
    union all by name
    select
        'cash_can_be_read' as rule,
        account_id,
        custodian,
        'no readable balance' as observed,
        'A cash balance of the account is missing or cannot be read; ask the custodian for it. The '
        || 'account is not traded.' as message
    from accounts
    where has_cash and not is_cash_readable
    union all by name
    -- What is not said is not nothing: the account may hold any cash, or owe some.
    select
        'cash_is_stated' as rule,
        account_id,
        custodian,
        'no cash row' as observed,
        'The custodian sends no cash for this account, so its cash is not known; ask the custodian for '
        || 'the balance, or for a row with 0 if there is none. The account is not traded until then.'
            as message
    from open_accounts
    where not has_cash and has_positions and is_tradable
    union all by name
    select
        'cash_of_untraded_account_is_stated' as rule,
        account_id,
        custodian,
        'no cash row' as observed,
        'No cash is sent for this account, which the firm does not trade; its holdings count, cash that it '
        || 'may have does not. Ask the custodian for a balance if that is unexpected.' as message
    from open_accounts
    where not has_cash and has_positions and not is_tradable
    union all by name
    select
        'cash_is_stated_once' as rule,
        account_id,
        custodian,
        stated_twice_difference || ' apart' as observed,
        'The custodian states cash as a balance and as a holding, and the two differ; the balance is '
        || 'used. Ask which is right.' as message
    from accounts
    where stated_twice_difference > 0.01
    union all by name
    select
        'cash_is_negative_in_margin_accounts_only' as rule,
        account_id,
        custodian,
        'negative cash' as observed,
        'Cash is negative in an account that is not a margin account; find out whether a trade or a fee '
        || 'overdrew it. The debit is taken off the cash that can be invested.' as message
    from accounts
    where is_overdrawn and not coalesce(is_margin, false)
    union all by name
    select
        'account_reference_is_unambiguous' as rule,
        account_id,
        custodian,
        {{ masked_number("account_number") }} as observed,
        'The masked account number fits more than one account of the custodian; say in the '
        || 'account_references file which it is, or ask for full numbers. The rows are not counted in any '
        || 'household.' as message
    from {{ ref("int_account_references__resolved") }}
    where is_ambiguous
    union all by name
    select
        'cash_flow_names_a_known_account' as rule,
        flows.custodian,
        flows.feed,
        flows.source_file_id,
        flows.source_row_number,
        flows.cash_flow_id as observed,
        'The cash flow names an account that the firm has no settings for; correct the cash_flows file. '
        || 'The flow is not reserved.' as message
    from {{ ref("stg_cash_flows") }} as flows
    left join {{ ref("stg_account_settings") }} as settings
        on
            flows.custodian = settings.custodian
            and flows.account_number = settings.account_number
    where settings.account_number is null and coalesce(flows.state not in ('posted', 'cancelled'), true)
    union all by name
    select
        'cash_flow_is_understood' as rule,
        account_references.account_id,
        flows.custodian,
        flows.feed,
        flows.source_file_id,
        flows.source_row_number,
        coalesce(flows.cash_flow_id, 'no id') || ': ' || coalesce(flows.flow_type, 'no type')
        || ', ' || coalesce(flows.amount::varchar, 'no amount') || ', ' || coalesce(flows.state, 'no state')
            as observed,
        'The amount (which must be more than 0), the type or the state of the cash flow is not understood; '
        || 'correct the cash_flows file. The flow counts as nothing and its account is not traded until then.'
            as message
    from {{ ref("stg_cash_flows") }} as flows
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            flows.custodian = account_references.custodian
            and flows.account_number = account_references.account_number
    where
        not {{ is_understood_flow("flows") }}
        -- What has been carried out or called off moves nothing any more.
        and coalesce(flows.state not in ('posted', 'cancelled'), true)
        and flows.matched_transaction_id is null
    union all by name
    select
        'wrapper_is_not_counted_twice' as rule,
        account_id,
        custodian,
        round(children_value, 2) || ' in ' || child_count
        || case child_count when 1 then ' account' else ' accounts' end || ' that it holds' as observed,
        'The account holds others, and its own rows are worth what those are worth together: they would '
        || 'count twice. Ask the custodian to send one of the two, or let the account not count in the '
        || 'account_settings file. The account is not traded until then.' as message
    from counted_twice
    union all by name
    select
        'wrapper_is_worth_its_accounts' as rule,
        wrapped.account_id,
        known.custodian,
        wrapped.source_file_id,
        wrapped.source_row_number,
        round(wrapped.stated_value, 2) || ' against ' || round(wrapped.wrapped_value, 2) || ' in '
        || wrapped.delivered_account_count || ' of ' || wrapped.wrapped_account_count
        || case wrapped.wrapped_account_count when 1 then ' account' else ' accounts' end as observed,
        'The value that the account states of the accounts that it holds is not what they are worth; ask the '
        || 'custodian which of their holdings are missing. The account is not traded until then.' as message
    from {{ ref("int_accounts__wrappers") }} as wrapped
    inner join accounts as known on wrapped.account_id = known.account_id
    where
        wrapped.is_counted_elsewhere
        and abs(wrapped.stated_value - wrapped.wrapped_value)
        > greatest(1, 0.01 * abs(wrapped.wrapped_value))
)

select
    rule,
    account_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken
