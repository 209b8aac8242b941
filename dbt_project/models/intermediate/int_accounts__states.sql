-- What can be done with each account tonight, and what it is worth.
with blocks as (
    select
        account_id,
        bool_or(rule in ('account_is_in_todays_files')) as is_absent,
        bool_or(
            rule in (
                'currency_of_a_holding_has_a_rate', 'currency_of_cash_has_a_rate', 'account_is_in_policy',
                'account_reference_is_unambiguous', 'household_is_known'
            )
        ) as is_withheld,
        bool_or(is_uncertain) as is_uncertain,
        string_agg(distinct reason, '; ' order by reason) as reasons,
        string_agg(distinct who_must_act, ', ' order by who_must_act) as who_must_act
    from {{ ref("int_violations__found") }}
    where severity = 'block' and scope = 'account' and account_id is not null
    group by account_id
),

missing_feeds as (
    select
        custodian,
        string_agg(replace(entity, '_', ' '), ', ' order by entity) as entities,
        list(distinct entity order by entity) as entity_names
    from {{ ref("int_feeds__missing") }}
    group by custodian
),

pending as (
    select
        account_id,
        count(*) as holding_count,
        min(pending_since_date) as since_date,
        max(pending_days) > {{ policy_number("lots_pending_days") }} as is_late
    from {{ ref("int_positions__pending") }}
    group by account_id
),

positions as (
    select
        account_id,
        sum(market_value) as market_value,
        bool_and(market_value is not null) as is_value_known,
        bool_or(position_state = 'lots_pending') as has_pending_lots,
        sum(case when is_uncertain then abs(market_value) else 0 end) as uncertain_value
    from {{ ref("int_positions__valued") }}
    group by account_id
),

lots as (
    -- A frozen lot of a position that is otherwise free: its tax truth is uncertain.
    select
        lots.account_id,
        sum(abs(lots.market_value)) as uncertain_value
    from {{ ref("int_lots__identified") }} as lots
    inner join {{ ref("int_positions__valued") }} as positions
        on
            lots.account_id = positions.account_id
            and lots.security_id = positions.security_id
    where lots.has_own_freeze and not positions.is_uncertain
    group by lots.account_id
),

assessed as (
    select
        accounts.*,
        blocks.reasons as block_reasons,
        blocks.who_must_act as block_who_must_act,
        pending.holding_count as pending_count,
        pending.since_date as pending_since_date,
        coalesce(pending.is_late, false) as is_pending_late,
        blocks.is_withheld,
        blocks.is_uncertain as is_account_uncertain,
        missing_feeds.entities as missing_entities,
        coalesce(blocks.is_absent, false) as is_absent,
        coalesce(positions.has_pending_lots, false) as has_pending_lots,
        -- Lots without any holding: what the account is worth is not known. Beside other holdings they
        -- count as uncertain value.
        coalesce(lots_alone.lot_count > 0 and positions.account_id is null, false) as has_lots_only,
        coalesce(positions.is_value_known, true)
        and (cash.account_id is null or cash.trade_date is not null)
        -- No row of an account whose file did not come says nothing of what it holds.
        and (positions.account_id is not null or not coalesce(blocks.is_absent, false))
        and (
            positions.account_id is not null
            or not coalesce(list_contains(missing_feeds.entity_names, 'positions'), false)
        )
        and (
            cash.account_id is not null
            or not coalesce(list_contains(missing_feeds.entity_names, 'cash_balances'), false)
        )
        and (
            lots_alone.account_id is null
            or (positions.account_id is not null and lots_alone.is_value_known)
        )
            as is_value_known,
        coalesce(lots_alone.market_value, 0) as value_of_lots_alone,
        cast(
            coalesce(positions.market_value, 0)
            + coalesce(cash.trade_date - cash.margin_debit, 0) as decimal(24, 6)
        ) as known_value,
        cast(coalesce(positions.uncertain_value, 0) + coalesce(lots.uncertain_value, 0) as decimal(24, 6))
            as uncertain_parts
    from {{ ref("int_accounts__identified") }} as accounts
    left join blocks on accounts.account_id = blocks.account_id
    left join missing_feeds on accounts.custodian = missing_feeds.custodian
    left join pending on accounts.account_id = pending.account_id
    left join positions on accounts.account_id = positions.account_id
    left join lots on accounts.account_id = lots.account_id
    left join {{ ref("int_lots__without_positions") }} as lots_alone
        on accounts.account_id = lots_alone.account_id
    left join {{ ref("int_cash__by_account") }} as cash on accounts.account_id = cash.account_id
),

judged as (
    select
        *,
        case
            when coalesce(account_status, 'open') <> 'closed' and (missing_entities is not null or is_absent)
                then 'waiting_for_feed'
            when is_withheld or has_lots_only then 'withheld'
            when block_reasons is not null or coalesce(account_status, 'open') <> 'open' then 'frozen'
            when has_pending_lots then 'lots_pending'
            else 'complete'
        end as account_state
    from assessed
)

select
    account_id,
    household_id,
    custodian,
    account_number,
    account_name,
    account_type,
    tax_treatment,
    allocation_group_id,
    tax_unit_id,
    wash_sale_group_id,
    is_in_policy,
    is_household_known,
    is_group_known,
    counts_toward_allocation,
    is_tradable,
    counts_for_wash_sales,
    account_status,
    minimum_cash,
    permitted_list,
    lot_method,
    custodian_lot_method,
    is_discretionary,
    is_margin,
    base_currency,
    missing_entities,
    is_absent,
    has_pending_lots,
    is_value_known,
    account_state,
    nullif(
        concat_ws(
            '; ',
            case when missing_entities is not null then 'it waits for the files ' || missing_entities end,
            block_reasons,
            case account_status
                when 'frozen' then 'it is frozen'
                when 'legal_hold' then 'it is under a legal hold'
                when 'deceased' then 'its owner has died'
                when 'pledged' then 'it is pledged'
                when 'transferring' then 'it is being transferred'
                when 'closed' then 'it is closed'
                when 'open' then null
                -- A closing account may be sold, not bought into: fct_position_constraints.
                when 'closing' then null
                else 'its status ' || account_status || ' is not known'
            end,
            case when is_in_policy and not is_tradable then 'the firm does not trade it' end
        ),
        ''
    ) as trading_blocked_reason,
    case account_state
        when 'waiting_for_feed'
            then
                case
                    when missing_entities is not null then 'it waits for the files ' || missing_entities
                    else 'it is in none of tonight''s files'
                end
        when 'lots_pending'
            then
                coalesce(
                    'the tax lots of ' || pending_count
                    || case pending_count when 1 then ' holding' else ' holdings' end
                    || ' have not arrived since ' || strftime(pending_since_date, '%Y-%m-%d'),
                    'tax lots have not arrived'
                )
        when 'complete' then null
        else
            coalesce(
                block_reasons,
                case
                    when has_lots_only then 'its tax lots have no holding beside them'
                    else 'its status is ' || replace(account_status, '_', ' ')
                end
            )
    end as account_state_reason,
    case account_state
        when 'waiting_for_feed' then 'operations'
        when 'lots_pending' then case when is_pending_late then 'operations' end
        when 'complete' then null
        else coalesce(block_who_must_act, case when has_lots_only then 'operations' else 'advisor' end)
    end as who_must_act,
    case when is_value_known then known_value end as market_value,
    case
        when is_account_uncertain and is_value_known then abs(known_value) + value_of_lots_alone
        when is_value_known then uncertain_parts + value_of_lots_alone
    end as uncertain_value,
    cast(case when is_value_known then value_of_lots_alone end as decimal(24, 6)) as value_of_lots_alone
from judged
