{{ config(schema='intermediate') }}

-- Wash sales (IRC 1091) that a plan would make, within itself and against the household's recent
-- history. A wash-sale group is judged as one taxpayer: a purchase in any of its accounts, an IRA or
-- a 401(k) included, washes a loss in any taxable one. History is judged twice: by the windows of the
-- ledger, and by the custodians' own closed and open lots, which the ledger's windows must cover.
-- Money market shares are outside the rule (Rev. Proc. 2014-45): cents of rounding are no loss.
-- Disallowed are as many shares of a loss as were bought in the 30 days around it and stay: where the
-- firm allows it, a loss may stand beside recent lots of the same return that the plan sells in full.
-- A minor's account, a trust or a parent is another taxpayer, and may be taken for the same all the
-- same: within a plan always, and around it unless the firm allows such trades.
-- One row per violation.
with securities as (

    select *
    from {{ ref('dim_securities') }}
    where as_of_date = {{ as_of_date() }}

),

sold_lots as (

    select lots.*
    from {{ ref('int_plans__trade_lots_joined') }} as lots
    left join securities on lots.security_id = securities.security_id
    where
        lots.tax_treatment = 'taxable'
        and coalesce(lots.proceeds - lots.expected_cost_basis, lots.realized_gain) < 0
        and coalesce(securities.security_type, '') <> 'MONEY_MARKET'

),

losses as (

    select
        household_id,
        plan_id,
        wash_sale_group_id,
        identity_group_id,
        planned_trade_date,
        any_value(account_label) as account_label,
        any_value(security_label) as security_label
    from sold_lots
    group by all

),

buys as (

    select
        household_id,
        plan_id,
        wash_sale_group_id,
        identity_group_id,
        planned_trade_date,
        any_value(account_label) as account_label,
        any_value(security_label) as security_label
    from {{ ref('int_plans__trades_joined') }}
    where
        action = 'buy'
        and counts_for_wash_sales
    group by all

),

windows as (

    select *
    from {{ ref('fct_wash_sale_windows') }}
    where as_of_date = {{ as_of_date() }}

),

accounts as (

    select *
    from {{ ref('dim_accounts') }}
    where
        as_of_date = {{ as_of_date() }}
        and counts_for_wash_sales

),

recent_losses as (

    select
        accounts.wash_sale_group_id,
        securities.identity_group_id,
        max(closed_lots.disposal_date) as disposal_date
    from {{ ref('int_closed_lots__merged') }} as closed_lots
    inner join accounts on closed_lots.account_id = accounts.account_id
    inner join securities on closed_lots.security_id = securities.security_id
    where
        accounts.tax_treatment = 'taxable'
        and closed_lots.realized_gain < 0
    group by all

),

recent_purchases as (

    select
        lots.lot_id,
        lots.acquisition_date,
        lots.quantity,
        accounts.tax_treatment,
        accounts.tax_unit_id,
        accounts.wash_sale_group_id,
        securities.identity_group_id
    from {{ ref('int_lots__identified') }} as lots
    inner join accounts on lots.account_id = accounts.account_id
    inner join securities on lots.security_id = securities.security_id
    where lots.acquisition_type in ('PURCHASE', 'REINVEST')

),

custodian_lots_sold as (

    select
        plan_id,
        custodian_lot_id,
        sum(quantity) as quantity
    from {{ ref('int_plans__trade_lots_joined') }}
    where tax_treatment = 'taxable' and action = 'sell'
    group by plan_id, custodian_lot_id

),

-- windows of other taxpayers of the household
windows_of_others as (

    select *
    from windows
    where not {{ required_variable('allow_trades_near_related_purchases') }}

)

-- A group may span households that are planned apart: of two plans that meet, the one that buys is
-- withheld, the loss of the other then stands.
select
    buys.household_id,
    buys.plan_id,
    'no_wash_sale_within_the_plan' as check_name,
    losses.security_label || ' is sold at a loss in ' || losses.account_label || ' and '
    || buys.security_label || ', substantially identical, is bought in ' || buys.account_label as detail
from losses
inner join buys
    on
        losses.wash_sale_group_id = buys.wash_sale_group_id
        and losses.identity_group_id = buys.identity_group_id
union all
select
    buys.household_id,
    buys.plan_id,
    'no_wash_sale_within_the_plan' as check_name,
    losses.security_label || ' is sold at a loss in ' || losses.account_label || ' and '
    || buys.security_label || ', substantially identical, is bought for a related taxpayer in '
    || buys.account_label as detail
from losses
inner join buys
    on
        losses.household_id = buys.household_id
        and losses.identity_group_id = buys.identity_group_id
where losses.wash_sale_group_id <> buys.wash_sale_group_id
union all
select
    buys.household_id,
    buys.plan_id,
    'no_trade_near_that_of_a_related_taxpayer' as check_name,
    buys.account_label || ': ' || buys.security_label || ' is bought, which a related taxpayer sold at a '
    || 'loss; not before ' || windows.no_buy_until_date || ' has passed' as detail
from buys
inner join windows_of_others as windows
    on
        buys.identity_group_id = windows.identity_group_id
        and buys.household_id = windows.household_id
where
    buys.wash_sale_group_id <> windows.wash_sale_group_id
    and buys.planned_trade_date <= windows.no_buy_until_date
union all
select
    losses.household_id,
    losses.plan_id,
    'no_trade_near_that_of_a_related_taxpayer' as check_name,
    losses.account_label || ': ' || losses.security_label || ' is sold at a loss, which a related '
    || 'taxpayer buys; not before ' || windows.no_loss_sale_until_date || ' has passed' as detail
from losses
inner join windows_of_others as windows
    on
        losses.identity_group_id = windows.identity_group_id
        and losses.household_id = windows.household_id
where
    losses.wash_sale_group_id <> windows.wash_sale_group_id
    and losses.planned_trade_date <= windows.no_loss_sale_until_date
union all
select
    buys.household_id,
    buys.plan_id,
    'no_wash_sale_against_history' as check_name,
    buys.account_label || ': ' || buys.security_label || ' may not be bought until after '
    || windows.no_buy_until_date || ' (' || coalesce(windows.caused_by, 'a recent loss sale') || ')'
        as detail
from buys
inner join windows
    on
        buys.wash_sale_group_id = windows.wash_sale_group_id
        and buys.identity_group_id = windows.identity_group_id
        and buys.household_id = windows.household_id
where buys.planned_trade_date <= windows.no_buy_until_date
union all
select
    losses.household_id,
    losses.plan_id,
    'no_wash_sale_against_history' as check_name,
    losses.account_label || ': ' || losses.security_label || ' may not be sold at a loss until after '
    || windows.no_loss_sale_until_date || ' (' || coalesce(windows.caused_by, 'a recent purchase')
    || ')' as detail
from losses
inner join windows
    on
        losses.wash_sale_group_id = windows.wash_sale_group_id
        and losses.identity_group_id = windows.identity_group_id
        and losses.household_id = windows.household_id
where
    losses.planned_trade_date <= windows.no_loss_sale_until_date
    -- purchases to come lie on the trade date or after it: no sale of today ends what they replace
    and not (
        {{ required_variable('allow_full_exit_of_recent_lots') }}
        and coalesce(windows.is_exit_possible, false)
        and windows.no_loss_sale_until_date < losses.planned_trade_date + 30
    )
union all
select
    losses.household_id,
    losses.plan_id,
    'no_wash_sale_against_history' as check_name,
    losses.account_label || ': ' || losses.security_label
    || ' is sold at a loss, but the history of its wash-sale group is not known for 30 days' as detail
from losses
inner join windows
    on
        losses.wash_sale_group_id = windows.wash_sale_group_id
        and losses.identity_group_id = windows.identity_group_id
        and losses.household_id = windows.household_id
where windows.coverage = 'unknown'
union all
select
    buys.household_id,
    buys.plan_id,
    'no_wash_sale_against_history' as check_name,
    buys.account_label || ': ' || buys.security_label || ' is bought within 30 days of the loss sale of '
    || recent_losses.disposal_date as detail
from buys
inner join recent_losses
    on
        buys.wash_sale_group_id = recent_losses.wash_sale_group_id
        and buys.identity_group_id = recent_losses.identity_group_id
where buys.planned_trade_date - recent_losses.disposal_date <= 30
union all
select
    sold_lots.household_id,
    sold_lots.plan_id,
    'no_wash_sale_against_history' as check_name,
    sold_lots.account_label || ': ' || sold_lots.security_label
    || ' is sold at a loss within 30 days of the purchase of ' || max(recent_purchases.acquisition_date)
        as detail
from sold_lots
inner join recent_purchases
    on
        sold_lots.wash_sale_group_id = recent_purchases.wash_sale_group_id
        and sold_lots.identity_group_id = recent_purchases.identity_group_id
        -- the rest of the very lot that is sold does not replace it (Rev. Rul. 56-602)
        and sold_lots.custodian_lot_id <> recent_purchases.lot_id
left join custodian_lots_sold
    on
        sold_lots.plan_id = custodian_lots_sold.plan_id
        and recent_purchases.lot_id = custodian_lots_sold.custodian_lot_id
where
    sold_lots.planned_trade_date - recent_purchases.acquisition_date <= 30
    and not (
        {{ required_variable('allow_full_exit_of_recent_lots') }}
        and recent_purchases.tax_treatment = 'taxable'
        and coalesce(recent_purchases.tax_unit_id = sold_lots.tax_unit_id, false)
        and coalesce(custodian_lots_sold.quantity >= recent_purchases.quantity, false)
    )
group by
    sold_lots.household_id, sold_lots.plan_id, sold_lots.account_label, sold_lots.security_label
