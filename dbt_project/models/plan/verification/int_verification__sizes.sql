{{ config(schema='intermediate') }}

-- Trades too small to be worth it, and lots out of the order in which an account's standing method
-- relieves them (Treas. Reg. 1.1012-1(c)). One row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}

),

households as (

    select
        household_id,
        coalesce(minimum_trade_amount, {{ policy_number('minimum_trade_amount') }}) as least
    from {{ ref('dim_households') }}
    where as_of_date = {{ as_of_date() }}

),

sellable as (

    select
        account_id,
        security_id,
        sellable_quantity
    from {{ ref('fct_position_constraints') }}
    where
        as_of_date = {{ as_of_date() }}
        and lot_id is null

),

-- the row that names the custodian goes before the row that holds for all custodians
fund_minimums as (

    select
        trades.trade_id,
        terms.minimum_amount
    from trades
    inner join {{ ref('dim_security_custodians') }} as terms
        on
            trades.security_id = terms.security_id
            and terms.custodian in (trades.custodian, '*')
    where terms.as_of_date = {{ as_of_date() }}
    qualify row_number() over (partition by trades.trade_id order by terms.custodian = '*') = 1

),

accounts as (

    select *
    from {{ ref('dim_accounts') }}
    where
        as_of_date = {{ as_of_date() }}
        and tax_treatment = 'taxable'
        and lot_method in ('FIFO', 'AVERAGE', 'LIFO', 'HIFO', 'LOFO')

),

sold as (

    select
        plan_id,
        lot_id,
        sum(quantity) as quantity
    from {{ ref('int_plans__trade_lots_joined') }}
    group by plan_id, lot_id

),

-- Each lot of a holding that a plan sells from, with its place in the method's order: the smallest goes
-- first. A lot without a known date goes before all others, one without a basis has no place by its cost.
lots as (

    select
        trades.household_id,
        trades.plan_id,
        trades.account_id,
        trades.security_id,
        trades.account_label,
        trades.security_label,
        accounts.lot_method,
        lots.lot_id,
        lots.quantity,
        coalesce(sold.quantity, 0) as sold_quantity,
        case
            when accounts.lot_method in ('FIFO', 'AVERAGE')
                then coalesce(
                    date_diff('day', date '0001-01-01', coalesce(
                        lots.acquisition_date, lots.holding_period_start_date
                    )), 0
                )
            when accounts.lot_method = 'LIFO'
                then -coalesce(
                    date_diff('day', date '0001-01-01', coalesce(
                        lots.acquisition_date, lots.holding_period_start_date
                    )), 0
                )
            when accounts.lot_method = 'HIFO' then -lots.cost_basis / nullif(lots.quantity, 0)
            else lots.cost_basis / nullif(lots.quantity, 0)
        end as place
    from trades
    inner join accounts on trades.account_id = accounts.account_id
    inner join {{ ref('fct_tax_lots') }} as lots
        on
            trades.account_id = lots.account_id
            and trades.security_id = lots.security_id
            and lots.as_of_date = {{ as_of_date() }}
    left join sold on trades.plan_id = sold.plan_id and lots.lot_id = sold.lot_id
    where trades.action = 'sell'

)

select
    trades.household_id,
    trades.plan_id,
    'trades_reach_the_minimum' as check_name,
    trades.account_label || ': ' || trades.action || ' of '
    || format('${:,.2f} of ', cast(trades.notional as double)) || trades.security_label
    || format(', at least ${:,.2f}', cast(households.least as double)) as detail
from trades
inner join households on trades.household_id = households.household_id
left join sellable
    on trades.account_id = sellable.account_id and trades.security_id = sellable.security_id
where
    trades.notional < households.least
    and trades.reason_code <> 'RAISE_CASH'
    -- what ends a holding may be small
    and not coalesce(trades.action = 'sell' and trades.quantity >= sellable.sellable_quantity, false)
union all
select
    trades.household_id,
    trades.plan_id,
    'trades_reach_the_minimum' as check_name,
    trades.account_label || ': ' || format('${:,.2f} of ', cast(trades.notional as double))
    || trades.security_label || ' are bought, which takes '
    || format('${:,.2f} at least', cast(fund_minimums.minimum_amount as double)) as detail
from trades
inner join fund_minimums on trades.trade_id = fund_minimums.trade_id
where trades.action = 'buy' and trades.notional < fund_minimums.minimum_amount
union all
select
    gone.household_id,
    gone.plan_id,
    'lot_method_is_followed' as check_name,
    gone.account_label || ': lot ' || gone.lot_id || ' of ' || gone.security_label || ' is sold before lot '
    || min(stays.lot_id) || ', which ' || gone.lot_method || ' relieves first' as detail
from lots as gone
inner join lots as stays
    on
        gone.plan_id = stays.plan_id
        and gone.account_id = stays.account_id
        and gone.security_id = stays.security_id
where
    gone.sold_quantity > 0
    and stays.sold_quantity < stays.quantity
    -- costs of a share are rounded quotients
    and stays.place < gone.place - 1e-9 * greatest(1, abs(gone.place))
group by
    gone.household_id, gone.plan_id, gone.account_label, gone.lot_id, gone.security_label,
    gone.lot_method
