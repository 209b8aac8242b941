-- Everything that is not traded tonight and why, in one list: what the planner left, what the
-- verification withheld, households without complete data, holdings the book cannot place, and what
-- the tax ledger could not settle. Where the planner speaks of a holding, the book does not repeat it.
with households as (

    select *
    from {{ ref('dim_households') }}
    where as_of_date = {{ as_of_date() }}

),

accounts as (

    select *
    from {{ ref('dim_accounts') }}
    where as_of_date = {{ as_of_date() }}

),

securities as (

    select *
    from {{ ref('dim_securities') }}
    where as_of_date = {{ as_of_date() }}

),

plans as (

    select *
    from {{ ref('fct_rebalance_plans') }}
    where as_of_date = {{ as_of_date() }}

),

planner_exceptions as (

    select *
    from {{ source('rebalance', 'exceptions') }}
    where as_of_date = {{ as_of_date() }}

),

frozen_lots as (

    select
        account_id,
        security_id,
        count(*) as frozen_lot_count,
        sum(market_value) as market_value,
        min(coalesce(frozen_reason, 'no reason given')) as frozen_reason
    from {{ ref('int_lots__identified') }}
    where is_frozen
    group by account_id, security_id

),

holdings as (

    select
        positions.household_id,
        positions.account_id,
        positions.security_id,
        positions.market_value,
        positions.position_state,
        positions.state_reason,
        positions.is_illiquid,
        positions.is_mapped,
        frozen_lots.frozen_lot_count,
        frozen_lots.frozen_reason,
        frozen_lots.market_value as frozen_value,
        households.household_state,
        coalesce(securities.ticker, securities.security_name, positions.security_id)
        || ' in ' || coalesce(accounts.account_name, positions.account_id) as subject
    from {{ ref('int_positions__valued') }} as positions
    left join households on positions.household_id = households.household_id
    left join accounts on positions.account_id = accounts.account_id
    left join securities on positions.security_id = securities.security_id
    left join frozen_lots
        on
            positions.account_id = frozen_lots.account_id
            and positions.security_id = frozen_lots.security_id

),

book_exceptions as (

    select
        household_id,
        subject,
        'unmapped' as reason_code,
        'It is not mapped to an asset class, so it counts in the base and in no target. '
        || 'Map it in the security classifications.' as rationale,
        account_id,
        security_id,
        'Unmapped' as asset_class,
        market_value as amount
    from holdings
    where not is_mapped
    union all
    select
        household_id,
        subject,
        'illiquid' as reason_code,
        'It has no daily market and is not traded.' as rationale,
        account_id,
        security_id,
        null as asset_class,
        market_value as amount
    from holdings
    where is_illiquid
    union all
    select
        household_id,
        subject,
        'frozen' as reason_code,
        'The holding is neither bought nor sold: '
        || coalesce(state_reason, replace(position_state, '_', ' '))
        || ' (see the data quality results).' as rationale,
        account_id,
        security_id,
        null as asset_class,
        market_value as amount
    from holdings
    -- of a household that waits for a file the household's own row says enough
    where position_state <> 'complete' and household_state is distinct from 'waiting_for_feed'
    union all
    select
        household_id,
        subject,
        'frozen' as reason_code,
        'Lots that are neither sold nor harvested: ' || frozen_lot_count || ' ('
        || frozen_reason || ', see the data quality results).' as rationale,
        account_id,
        security_id,
        null as asset_class,
        frozen_value as amount
    from holdings
    where position_state = 'complete' and frozen_lot_count > 0

),

household_exceptions as (

    select
        households.household_id,
        'Household' as subject,
        households.household_state as reason_code,
        coalesce(
            households.state_reason, 'The household is ' || replace(households.household_state, '_', ' ')
        ) as rationale
    from households
    where households.household_state <> 'released'
    union all
    select
        plans.household_id,
        'Household' as subject,
        'no_plan' as reason_code,
        plans.explanation as rationale
    from plans
    inner join households on plans.household_id = households.household_id
    where plans.plan_id is null and households.household_state = 'released'

),

-- Withdrawals and required distributions that are due are said even where no trade may be proposed.
cash_exceptions as (

    select
        cash.household_id,
        'cash_shortfall' as reason_code,
        cash.account_id,
        'Cash of ' || coalesce(accounts.account_name, cash.account_id) as subject,
        format(
            'The account lacks ${:,.2f} for its minimum and the payments that are due, ',
            cast(-cash.investable as double)
        ) || 'and no trade is proposed tonight to raise it. Raise it by hand.' as rationale,
        -cash.investable as amount
    from {{ ref('fct_account_cash') }} as cash
    inner join plans on cash.household_id = plans.household_id
    left join accounts on cash.account_id = accounts.account_id
    where
        cash.as_of_date = {{ as_of_date() }}
        and cash.investable < 0
        and plans.plan_status in ('withheld', 'waiting_for_feed', 'awaiting_execution')

),

combined as (

    select
        household_id,
        plan_id,
        subject,
        reason_code,
        rationale,
        account_id,
        security_id,
        asset_class,
        amount,
        'planner' as stated_by
    from planner_exceptions
    union all
    select
        checks.household_id,
        checks.plan_id,
        checks.check_name as subject,
        'withheld' as reason_code,
        'The plan is withheld. ' || checks.requirement || ' Found: ' || checks.detail || '.' as rationale,
        null as account_id,
        null as security_id,
        null as asset_class,
        null as amount,
        'verification' as stated_by
    from {{ ref('int_verification__checks') }} as checks
    where not checks.is_passed
    union all
    select
        household_exceptions.household_id,
        plans.plan_id,
        household_exceptions.subject,
        household_exceptions.reason_code,
        household_exceptions.rationale,
        null as account_id,
        null as security_id,
        null as asset_class,
        null as amount,
        'book' as stated_by
    from household_exceptions
    left join plans on household_exceptions.household_id = plans.household_id
    where
        not exists (
            select 1
            from planner_exceptions
            where
                planner_exceptions.household_id = household_exceptions.household_id
                and planner_exceptions.reason_code = household_exceptions.reason_code
        )
    union all
    select
        book_exceptions.household_id,
        plans.plan_id,
        book_exceptions.subject,
        book_exceptions.reason_code,
        book_exceptions.rationale,
        book_exceptions.account_id,
        book_exceptions.security_id,
        book_exceptions.asset_class,
        book_exceptions.amount,
        'book' as stated_by
    from book_exceptions
    left join plans on book_exceptions.household_id = plans.household_id
    where
        not exists (
            select 1
            from planner_exceptions
            where
                planner_exceptions.account_id = book_exceptions.account_id
                and planner_exceptions.security_id = book_exceptions.security_id
                and planner_exceptions.reason_code = book_exceptions.reason_code
        )
    union all
    select
        cash_exceptions.household_id,
        plans.plan_id,
        cash_exceptions.subject,
        cash_exceptions.reason_code,
        cash_exceptions.rationale,
        cash_exceptions.account_id,
        null as security_id,
        null as asset_class,
        cash_exceptions.amount,
        'book' as stated_by
    from cash_exceptions
    left join plans on cash_exceptions.household_id = plans.household_id
    where
        not exists (
            select 1
            from planner_exceptions
            where
                planner_exceptions.account_id = cash_exceptions.account_id
                and planner_exceptions.reason_code = cash_exceptions.reason_code
        )
    union all
    select
        findings.household_id,
        plans.plan_id,
        findings.subject,
        findings.rule as reason_code,
        findings.message as rationale,
        null as account_id,
        null as security_id,
        null as asset_class,
        null as amount,
        'tax' as stated_by
    from {{ source('tax', 'findings') }} as findings
    left join plans on findings.household_id = plans.household_id
    where findings.as_of_date = {{ as_of_date() }}

)

select
    {{ as_of_date() }} as as_of_date,
    household_id,
    subject,
    plan_id,
    reason_code,
    rationale,
    account_id,
    security_id,
    asset_class,
    cast(amount as decimal(24, 6)) as amount,
    stated_by
from combined
