-- What stands still because of each open exception of tonight, in dollars: the lot that is not sold, the
-- position that is not traded, the account, the household, the accounts that wait for a feed. Where tonight's
-- files do not say what an account is worth, the last night that knew does. Two exceptions may hold
-- up the same money.
with last_known as (
    select
        earlier.account_id,
        max_by(earlier.market_value, earlier.as_of_date) as market_value
    from (
        {{ rows_as_they_stand(
            "dim_accounts",
            {
                "as_of_date": "date",
                "account_id": "varchar",
                "account_state": "varchar",
                "market_value": "decimal(24, 6)",
            }
        ) }}
    ) as earlier
    where
        earlier.as_of_date < {{ as_of_date() }}
        and earlier.account_state <> 'waiting_for_feed'
        and earlier.market_value is not null
    group by earlier.account_id
),

accounts as (
    select
        states.account_id,
        states.household_id,
        states.custodian,
        states.account_state = 'waiting_for_feed' as is_waiting,
        case
            when states.account_state = 'waiting_for_feed' then last_known.market_value
            else coalesce(states.market_value, last_known.market_value)
        end as market_value
    from {{ ref("int_accounts__states") }} as states
    left join last_known on states.account_id = last_known.account_id
    where coalesce(states.account_status, 'open') <> 'closed'
),

households as (
    select
        household_id,
        case when count(market_value) = count(*) then sum(market_value) end as market_value
    from accounts
    where household_id is not null
    group by household_id
),

custodians as (
    select
        custodian,
        case when count(market_value) = count(*) then sum(market_value) end as market_value
    from accounts
    where is_waiting
    group by custodian
)

select
    exceptions.exception_key,
    cast(
        case
            when exceptions.scope = 'lot' and lots.lot_id is not null
                then case when lots.is_frozen then abs(lots.market_value) else 0 end
            when exceptions.scope in ('lot', 'position') and positions.account_id is not null
                then
                    case
                        when positions.position_state <> 'complete' then abs(positions.market_value) else 0
                    end
            when exceptions.severity <> 'block' then 0
            when exceptions.scope = 'account' then abs(accounts.market_value)
            when exceptions.scope = 'household' then abs(households.market_value)
            when exceptions.scope = 'feed' and exceptions.feed = 'policy_files' then 0
            when exceptions.scope = 'feed'
                then case when custodians.custodian is null then 0 else abs(custodians.market_value) end
        end as decimal(24, 6)
    ) as market_value_held_up
from {{ ref("int_exceptions__keyed") }} as exceptions
left join {{ ref("int_lots__identified") }} as lots on exceptions.lot_id = lots.lot_id
left join {{ ref("int_positions__valued") }} as positions
    on
        exceptions.account_id = positions.account_id
        and exceptions.security_id = positions.security_id
left join accounts on exceptions.account_id = accounts.account_id
left join households
    on exceptions.scope = 'household' and exceptions.household_id = households.household_id
left join custodians on exceptions.custodian = custodians.custodian
where exceptions.is_open
