{{ config(schema='intermediate') }}

-- What a plan says of its trades and of what it leaves: reasons that are known and fit, kinds of
-- trades that its run mode holds, and cash that is missing told for the account that lacks it.
-- One row per violation.
with plans as (

    select *
    from {{ source('rebalance', 'plans') }}
    where as_of_date = {{ as_of_date() }}

),

trades as (

    select
        joined.*,
        stated.rationale
    from {{ ref('int_plans__trades_joined') }} as joined
    left join {{ source('rebalance', 'trades') }} as stated
        on
            joined.trade_id = stated.trade_id
            and joined.plan_id = stated.plan_id
            and stated.as_of_date = {{ as_of_date() }}

),

-- The closed list: whether a sale or a purchase may have the reason, and the run mode for which it is.
reasons (reason_code, of_sales, of_purchases, for_cash, for_harvests) as (

    values
    ('RAISE_CASH', true, false, true, true),
    ('INVEST_CASH', false, true, true, false),
    ('REBALANCE', true, true, false, false),
    ('HARVEST_LOSS', true, false, false, true),
    ('HARVEST_REPLACEMENT', false, true, false, true),
    ('RESTRICTION', true, false, false, false),
    ('LOCATE', true, true, false, false)

),

exceptions as (

    select *
    from {{ source('rebalance', 'exceptions') }}
    where as_of_date = {{ as_of_date() }}

),

households as (

    select *
    from {{ ref('dim_households') }}
    where as_of_date = {{ as_of_date() }}

),

moved as (

    select
        plan_id,
        account_id,
        sum(case action when 'sell' then notional else -notional end - trade_cost) as amount
    from {{ ref('int_plans__trades_joined') }}
    group by plan_id, account_id

),

told as (

    select
        plan_id,
        account_id,
        sum(amount) as amount
    from exceptions
    where reason_code = 'cash_shortfall'
    group by plan_id, account_id

),

cash as (

    select
        plans.household_id,
        plans.plan_id,
        accounts.account_id,
        accounts.account_name,
        coalesce(cash.investable, 0) + coalesce(moved.amount, 0) as left_over,
        coalesce(told.amount, 0) as told
    from plans
    inner join {{ ref('dim_accounts') }} as accounts
        on plans.household_id = accounts.household_id and plans.as_of_date = accounts.as_of_date
    left join {{ ref('fct_account_cash') }} as cash
        on accounts.account_id = cash.account_id and accounts.as_of_date = cash.as_of_date
    left join moved on plans.plan_id = moved.plan_id and accounts.account_id = moved.account_id
    left join told on plans.plan_id = told.plan_id and accounts.account_id = told.account_id
    -- a plan that is not one says what stops it, and nothing of cash
    where plans.plan_status not in ('withheld', 'awaiting_execution', 'waiting_for_feed')

)

select
    trades.household_id,
    trades.plan_id,
    'every_trade_has_a_reason' as check_name,
    trades.account_label || ': ' || trades.action || ' of ' || trades.security_label
    || case
        when reasons.reason_code is null
            then ' for no known reason (' || coalesce(trades.reason_code, 'none') || ')'
        when coalesce(trim(trades.rationale), '') = '' then ' without a sentence'
        else ' for ' || trades.reason_code || ', which no ' || trades.action || ' can be for'
    end as detail
from trades
left join reasons on trades.reason_code = reasons.reason_code
where
    reasons.reason_code is null
    or coalesce(trim(trades.rationale), '') = ''
    or (trades.action = 'sell' and not reasons.of_sales)
    or (trades.action = 'buy' and not reasons.of_purchases)
union all
select
    trades.household_id,
    trades.plan_id,
    'trades_fit_the_run_mode' as check_name,
    trades.account_label || ': ' || trades.action || ' of ' || trades.security_label || ' for '
    || trades.reason_code || ' in run mode ' || trades.run_mode as detail
from trades
inner join reasons on trades.reason_code = reasons.reason_code
left join households on trades.household_id = households.household_id
where
    (trades.run_mode = 'cash_only' and not reasons.for_cash)
    or (
        trades.run_mode = 'tlh_only'
        and not (reasons.for_harvests and coalesce(households.harvests_losses, false))
    )
    or coalesce(trades.run_mode not in ('rebalance', 'cash_only', 'tlh_only', 'no_trade'), true)
union all
select
    household_id,
    plan_id,
    'every_exception_has_a_reason' as check_name,
    'the exception ' || coalesce(subject, '(none)') || ' has no reason or no sentence' as detail
from exceptions
where
    coalesce(trim(reason_code), '') = ''
    or coalesce(trim(rationale), '') = ''
    or coalesce(trim(subject), '') = ''
union all
select
    any_value(household_id) as household_id,
    plan_id,
    'every_exception_has_a_reason' as check_name,
    'the exception ' || subject || ' is stated ' || count(*) || ' times' as detail
from exceptions
group by plan_id, subject
having count(*) > 1
union all
select
    household_id,
    plan_id,
    'missing_cash_is_told' as check_name,
    account_name || format(': ${:,.2f} is missing', cast(greatest(0, -left_over) as double))
    || format(' after the trades, ${:,.2f} is told', cast(told as double)) as detail
from cash
where abs(greatest(0, -left_over) - told) > 0.01
