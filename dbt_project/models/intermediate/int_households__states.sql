-- Whether a household is released tonight: it waits when a feed is missing, is withheld when a rule of
-- its policy is broken or too much of its value is uncertain, and stands still while orders are open.
with told as (
    select
        accounts.*,
        case
            when accounts.account_state in ('frozen', 'withheld')
                then {{ account_label("accounts") }} || ': ' || accounts.account_state_reason
        end as told_frozen,
        case
            when accounts.account_state = 'lots_pending'
                then {{ account_label("accounts") }} || ': ' || accounts.account_state_reason
        end as told_pending,
        case
            when accounts.account_state in ('frozen', 'withheld') then accounts.who_must_act
        end as frozen_who,
        case
            when accounts.account_state = 'waiting_for_feed'
                then
                    {{ account_label("accounts") }} || ' '
                    || case
                        when accounts.missing_entities is not null
                            then 'waits for the files ' || accounts.missing_entities || ' of '
                        else 'is in none of tonight''s files of '
                    end
                    || accounts.custodian
        end as told_waiting,
        case when not accounts.is_value_known then {{ account_label("accounts") }} end as told_unknown
    from {{ ref("int_accounts__states") }} as accounts
),

accounts as (
    select
        accounts.household_id,
        string_agg(distinct accounts.told_waiting, '; ' order by accounts.told_waiting) as waiting_reason,
        bool_and(is_value_known) as is_value_known,
        bool_and(is_value_known or not accounts.counts_toward_allocation) as is_counted_value_known,
        string_agg(distinct accounts.told_unknown, '; ' order by accounts.told_unknown) as unknown_accounts,
        sum(market_value) as market_value,
        -- Lots whose holding is missing are uncertain and belong to the whole they are a share of.
        sum(case when accounts.counts_toward_allocation then market_value + value_of_lots_alone end)
            as counted_value,
        sum(case when accounts.counts_toward_allocation then uncertain_value end) as uncertain_value,
        bool_or(accounts.account_state in ('frozen', 'withheld')) as has_frozen_accounts,
        bool_or(accounts.account_state = 'lots_pending') as has_pending_accounts,
        string_agg(distinct accounts.told_frozen, '; ' order by accounts.told_frozen) as frozen_reason,
        string_agg(distinct accounts.told_pending, '; ' order by accounts.told_pending) as pending_reason,
        string_agg(distinct accounts.frozen_who, ', ' order by accounts.frozen_who) as frozen_who_must_act,
        min(accounts.who_must_act) filter (where accounts.account_state = 'lots_pending')
            as pending_who_must_act
    from told as accounts
    where accounts.household_id is not null and coalesce(accounts.account_status, 'open') <> 'closed'
    group by accounts.household_id
),

policy_blocks as (
    select
        household_id,
        string_agg(distinct message, ' ' order by message) as reason,
        string_agg(distinct who_must_act, ', ' order by who_must_act) as who_must_act
    from {{ ref("int_violations__found") }}
    where severity = 'block' and scope = 'household' and household_id is not null
    group by household_id
),

orders as (
    select
        household_id,
        count(*) as order_count
    from {{ ref("int_open_orders__identified") }}
    where household_id is not null
    group by household_id
),

assessed as (
    select
        households.*,
        accounts.waiting_reason,
        policy_blocks.reason as policy_reason,
        policy_blocks.who_must_act as policy_who_must_act,
        orders.order_count,
        coalesce(accounts.has_frozen_accounts, false) as has_frozen_accounts,
        coalesce(accounts.has_pending_accounts, false) as has_pending_accounts,
        accounts.frozen_reason,
        accounts.pending_reason,
        accounts.frozen_who_must_act,
        accounts.pending_who_must_act,
        coalesce(accounts.is_counted_value_known, true) as is_counted_value_known,
        accounts.unknown_accounts,
        case when accounts.is_value_known then cast(accounts.market_value as decimal(24, 6)) end
            as market_value,
        cast(accounts.uncertain_value as decimal(24, 6)) as uncertain_value,
        case
            when accounts.is_counted_value_known
                then {{ weight_of("accounts.uncertain_value", "accounts.counted_value") }}
        end as uncertain_weight
    from {{ ref("stg_households") }} as households
    left join accounts on households.household_id = accounts.household_id
    left join policy_blocks on households.household_id = policy_blocks.household_id
    left join orders on households.household_id = orders.household_id
),

judged as (
    select
        *,
        coalesce(uncertain_weight > {{ policy_number("withhold_uncertain_share") }}, false)
            as is_too_uncertain
    from assessed
),

stated as (
    select
        *,
        -- How far its data can be used, open orders aside: those are no fault of the data.
        case
            when waiting_reason is not null then 'waiting_for_feed'
            when policy_reason is not null or not is_counted_value_known or is_too_uncertain then 'withheld'
            when has_frozen_accounts then 'frozen'
            when has_pending_accounts then 'lots_pending'
            else 'complete'
        end as data_state
    from judged
)

select
    household_id,
    household_name,
    advisor_id,
    advisor_name,
    report_language,
    allows_short_term_gains,
    harvests_losses,
    minimum_trade_amount,
    annual_gains_budget,
    waiting_reason,
    policy_reason,
    unknown_accounts,
    is_counted_value_known,
    is_too_uncertain,
    market_value,
    uncertain_value,
    uncertain_weight,
    case
        when data_state in ('waiting_for_feed', 'withheld') then data_state
        when order_count > 0 then 'awaiting_execution'
        else 'released'
    end as household_state,
    data_state,
    case data_state
        when 'waiting_for_feed' then 'operations'
        when 'withheld' then coalesce(policy_who_must_act, frozen_who_must_act, 'operations')
        when 'frozen' then frozen_who_must_act
        when 'lots_pending' then pending_who_must_act
    end as who_must_act,
    case data_state
        when 'frozen' then frozen_reason
        when 'lots_pending' then pending_reason
    end as account_reason,
    nullif(
        concat_ws(
            ' ',
            waiting_reason || '.',
            policy_reason,
            case
                when waiting_reason is null and not is_counted_value_known
                    then 'The value of ' || unknown_accounts || ' is not known.'
            end,
            case
                when waiting_reason is null and is_too_uncertain
                    then
                        round(uncertain_weight * 100, 1)
                        || ' % of the value is frozen for uncertain value or tax lots, more than '
                        || 'the '
                        || round({{ policy_number("withhold_uncertain_share") }} * 100, 1)
                        || ' % that the firm allows.'
            end,
            case
                when order_count > 0
                    then
                        order_count
                        || case order_count when 1 then ' open order' else ' open orders' end
                        || ' must be filled or cancelled before a new plan is made.'
            end
        ),
        ''
    ) as state_reason
from stated
