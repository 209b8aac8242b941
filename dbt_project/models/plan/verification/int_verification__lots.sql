{{ config(schema='intermediate') }}

-- Which holdings and lots a plan may sell: existence, quantity, restrictions, frozen lots and
-- positions, gains that a restriction forbids. One row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}
    where action = 'sell'

),

trade_lots as (

    select *
    from {{ ref('int_plans__trade_lots_joined') }}

),

constraints as (

    select *
    from {{ ref('fct_position_constraints') }}
    where as_of_date = {{ as_of_date() }}

),

positions as (

    select *
    from {{ ref('int_positions__valued') }}

),

lot_sales as (

    select
        household_id,
        plan_id,
        lot_id,
        any_value(account_label) as account_label,
        any_value(security_label) as security_label,
        any_value(lot_quantity) as lot_quantity,
        sum(quantity) as sold_quantity
    from trade_lots
    group by household_id, plan_id, lot_id

),

custodian_lot_sales as (

    select
        household_id,
        plan_id,
        custodian_lot_id,
        any_value(account_label) as account_label,
        any_value(security_label) as security_label,
        sum(quantity) as sold_quantity,
        max(case when tax_treatment = 'taxable' then realized_gain end) as largest_taxable_gain
    from trade_lots
    group by household_id, plan_id, custodian_lot_id

),

position_sales as (

    select
        household_id,
        plan_id,
        account_id,
        security_id,
        tax_treatment,
        account_label,
        security_label,
        sum(quantity) as sold_quantity,
        sum(realized_short_term_gain + realized_long_term_gain) as realized_gain
    from trades
    group by all

)

select
    household_id,
    plan_id,
    'sold_lots_exist_and_are_not_oversold' as check_name,
    case
        when lot_quantity is null
            then account_label || ': lot ' || lot_id || ' of ' || security_label || ' does not exist'
        else
            account_label || ': ' || sold_quantity || ' of ' || security_label || ' sold from lot '
            || lot_id || ', which holds ' || lot_quantity
    end as detail
from lot_sales
where lot_quantity is null or sold_quantity > lot_quantity or sold_quantity <= 0
union all
select
    household_id,
    plan_id,
    'sold_lots_exist_and_are_not_oversold' as check_name,
    account_label || ': lot ' || lot_id || ' belongs to another account or security than trade '
    || trade_id as detail
from trade_lots
where
    account_id <> trade_account_id
    or security_id <> trade_security_id
    or lot_account_id <> trade_account_id
    or lot_security_id <> trade_security_id
union all
select
    position_sales.household_id,
    position_sales.plan_id,
    'only_sellable_holdings_are_sold' as check_name,
    position_sales.account_label || ': ' || position_sales.sold_quantity || ' of '
    || position_sales.security_label || ' sold, '
    || coalesce(
        constraints.sellable_quantity || ' may be sold (' || constraints.reason || ')',
        'the book does not say that any may be sold'
    ) as detail
from position_sales
left join constraints
    on
        position_sales.account_id = constraints.account_id
        and position_sales.security_id = constraints.security_id
        and constraints.lot_id is null
where
    constraints.sellable_quantity is null
    or position_sales.sold_quantity > constraints.sellable_quantity
union all
select
    position_sales.household_id,
    position_sales.plan_id,
    'only_sellable_holdings_are_sold' as check_name,
    position_sales.account_label || ': ' || position_sales.sold_quantity || ' of '
    || position_sales.security_label || ' sold, '
    || coalesce(positions.quantity || ' held, position ' || positions.position_state, 'none held')
        as detail
from position_sales
left join positions
    on
        position_sales.account_id = positions.account_id
        and position_sales.security_id = positions.security_id
where
    positions.quantity is null
    or position_sales.sold_quantity > positions.quantity
    or positions.position_state = 'frozen'
union all
select
    sales.household_id,
    sales.plan_id,
    'only_sellable_holdings_are_sold' as check_name,
    sales.account_label || ': ' || sales.sold_quantity || ' of ' || sales.security_label
    || ' sold from lot ' || sales.custodian_lot_id || ', ' || constraints.sellable_quantity
    || ' of it may be sold (' || constraints.reason || ')' as detail
from custodian_lot_sales as sales
inner join constraints on sales.custodian_lot_id = constraints.lot_id
where sales.sold_quantity > constraints.sellable_quantity
union all
select
    household_id,
    plan_id,
    'only_sellable_holdings_are_sold' as check_name,
    account_label || ': lot ' || lot_id || ' of ' || security_label || ' is frozen ('
    || coalesce(frozen_reason, 'no reason given') || ')' as detail
from trade_lots
where is_frozen
union all
select
    sales.household_id,
    sales.plan_id,
    'restricted_gains_are_not_realized' as check_name,
    sales.account_label || ': a gain is realized in lot ' || sales.custodian_lot_id || ' of '
    || sales.security_label || ', which ' || constraints.reason || ' forbids' as detail
from custodian_lot_sales as sales
inner join constraints on sales.custodian_lot_id = constraints.lot_id
where not constraints.is_gain_allowed and sales.largest_taxable_gain > 0.01
union all
select
    position_sales.household_id,
    position_sales.plan_id,
    'restricted_gains_are_not_realized' as check_name,
    position_sales.account_label || ': a gain is realized in ' || position_sales.security_label
    || ', which ' || constraints.reason || ' forbids' as detail
from position_sales
inner join constraints
    on
        position_sales.account_id = constraints.account_id
        and position_sales.security_id = constraints.security_id
        and constraints.lot_id is null
where
    not constraints.is_gain_allowed
    and position_sales.tax_treatment = 'taxable'
    and position_sales.realized_gain > 0.01
