{{ config(schema='intermediate') }}

-- What a plan may buy and where it may trade: permitted and available securities, tradable accounts,
-- whole shares, no churn, concentration limits. One row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}

),

constraints as (

    select *
    from {{ ref('fct_position_constraints') }}
    where
        as_of_date = {{ as_of_date() }}
        and lot_id is null

),

positions as (

    select *
    from {{ ref('int_positions__valued') }}

),

-- the row that names the custodian goes before the row that holds for all custodians
custodian_terms as (

    select
        trades.trade_id,
        terms.is_available,
        terms.is_fractional or terms.trades_in = 'dollars' as is_fractional
    from trades
    inner join {{ ref('dim_security_custodians') }} as terms
        on
            trades.security_id = terms.security_id
            and terms.custodian in (trades.custodian, '*')
    where terms.as_of_date = {{ as_of_date() }}
    qualify row_number() over (partition by trades.trade_id order by terms.custodian = '*') = 1

),

household_securities as (

    select
        trades.household_id,
        trades.plan_id,
        trades.security_id,
        any_value(trades.security_label) as security_label,
        sum(case trades.action when 'buy' then 1 else -1 end * trades.notional) as net_bought
    from trades
    group by trades.household_id, trades.plan_id, trades.security_id

),

household_holdings as (

    select
        household_id,
        security_id,
        sum(market_value) as market_value
    from positions
    group by household_id, security_id

),

limits as (

    select
        limits.household_id,
        limits.security_id,
        limits.limit_weight,
        households.market_value as household_market_value
    from {{ ref('fct_concentration_limits') }} as limits
    inner join {{ ref('dim_households') }} as households
        on
            limits.household_id = households.household_id
            and limits.as_of_date = households.as_of_date
    where limits.as_of_date = {{ as_of_date() }}

)

select
    trades.household_id,
    trades.plan_id,
    'only_buyable_securities_are_bought' as check_name,
    trades.account_label || ': ' || trades.security_label || ' is bought, but '
    || coalesce(
        constraints.reason || ' forbids it',
        'the book does not list it as a security this account may buy'
    ) as detail
from trades
left join constraints
    on
        trades.account_id = constraints.account_id
        and trades.security_id = constraints.security_id
where
    trades.action = 'buy'
    and (constraints.is_buyable is null or not constraints.is_buyable)
union all
select
    trades.household_id,
    trades.plan_id,
    'only_buyable_securities_are_bought' as check_name,
    trades.account_label || ': ' || trades.security_label || ' is not available at '
    || trades.custodian as detail
from trades
inner join custodian_terms on trades.trade_id = custodian_terms.trade_id
where trades.action = 'buy' and not custodian_terms.is_available
union all
select
    household_id,
    plan_id,
    'only_tradable_accounts_trade' as check_name,
    account_label || ': '
    || case
        when account_household_id is null then 'this account is not in the book'
        when account_household_id <> household_id then 'this account belongs to another household'
        when not is_tradable then 'this account may not be traded'
        else coalesce(trading_blocked_reason, 'trading is blocked')
    end as detail
from trades
where
    account_household_id is null
    or account_household_id <> household_id
    or not is_tradable
    or is_trading_blocked
union all
select
    trades.household_id,
    trades.plan_id,
    'quantities_are_whole_where_required' as check_name,
    trades.account_label || ': ' || trades.action || ' of ' || trades.quantity || ' '
    || trades.security_label || ', but ' || trades.custodian || ' trades it in whole shares' as detail
from trades
left join custodian_terms on trades.trade_id = custodian_terms.trade_id
left join positions
    on
        trades.account_id = positions.account_id
        and trades.security_id = positions.security_id
where
    -- ordinary terms: mutual and money-market funds in dollars, everything else in whole shares
    not coalesce(custodian_terms.is_fractional, trades.security_type in ('MUTUAL_FUND', 'MONEY_MARKET'))
    and trades.quantity <> trunc(trades.quantity)
    -- a whole position may go with its fraction: the custodian cashes it out
    and not (trades.action = 'sell' and trades.quantity = coalesce(positions.quantity, 0))
union all
select
    household_id,
    plan_id,
    'no_security_is_bought_and_sold_in_one_account' as check_name,
    any_value(account_label) || ': ' || any_value(security_label) || ' is in ' || count(*)
    || ' trades' as detail
from trades
group by household_id, plan_id, account_id, security_id
having count(*) > 1
union all
select
    household_securities.household_id,
    household_securities.plan_id,
    'concentration_limits_are_not_worsened' as check_name,
    household_securities.security_label || ' would be ' || coalesce(
        format(
            '{:.2f}%',
            100 * (coalesce(household_holdings.market_value, 0) + household_securities.net_bought)
            / nullif(limits.household_market_value, 0)
        ),
        'an unknown share'
    ) || format(' of the household, the limit is {:.2f}%', cast(100 * limits.limit_weight as double))
        as detail
from household_securities
inner join limits
    on
        household_securities.household_id = limits.household_id
        and household_securities.security_id = limits.security_id
left join household_holdings
    on
        household_securities.household_id = household_holdings.household_id
        and household_securities.security_id = household_holdings.security_id
where
    household_securities.net_bought > 0
    and (
        limits.household_market_value is null
        or coalesce(household_holdings.market_value, 0) + household_securities.net_bought
        > limits.limit_weight * limits.household_market_value
    )
