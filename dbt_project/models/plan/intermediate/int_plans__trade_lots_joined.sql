-- The lots each proposed sale would use, beside the lot as our own ledger holds it, and what follows
-- from that lot on the planned trade date: its term and the basis of the part that is sold.
-- Inherited lots are always long term (IRC 1223(9)).
with lots as (

    select
        *,
        coalesce(holding_period_start_date, acquisition_date) as start_date
    from {{ ref('fct_tax_lots') }}
    where as_of_date = {{ as_of_date() }}

),

first_long_term_days as (

    select
        *,
        {{ long_term_from("start_date") }} as first_long_term_date
    from lots

),

trade_lots as (

    select *
    from {{ source('rebalance', 'trade_lots') }}
    where as_of_date = {{ as_of_date() }}

)

select
    trades.trade_id,
    trades.plan_id,
    trades.household_id,
    trade_lots.account_id,
    trade_lots.security_id,
    trade_lots.lot_id,
    trade_lots.quantity,
    trade_lots.term,
    trade_lots.proceeds,
    trade_lots.cost_basis,
    trade_lots.realized_gain,
    trade_lots.tax_cost,
    trade_lots.recharacterized_loss,
    trade_lots.disallowed_loss,
    trades.account_id as trade_account_id,
    trades.security_id as trade_security_id,
    trades.action,
    trades.account_label,
    trades.security_label,
    trades.tax_treatment,
    trades.tax_unit_id,
    trades.is_collectible,
    trades.wash_sale_group_id,
    trades.counts_for_wash_sales,
    trades.identity_group_id,
    trades.planned_trade_date,
    lots.account_id as lot_account_id,
    lots.security_id as lot_security_id,
    lots.quantity as lot_quantity,
    lots.acquisition_date as lot_acquisition_date,
    lots.is_frozen,
    lots.frozen_reason,
    coalesce(lots.parent_lot_id, lots.lot_id) as custodian_lot_id,
    case
        when lots.acquisition_type = 'INHERITED' then 'long'
        when lots.first_long_term_date is null then lots.term
        when trades.planned_trade_date >= lots.first_long_term_date then 'long'
        else 'short'
    end as expected_term,
    case
        when trade_lots.quantity = lots.quantity then lots.cost_basis
        -- the share is a double: exact to 15 digits, far below the cent that is judged
        else cast(
            lots.cost_basis * (trade_lots.quantity / nullif(lots.quantity, 0)) as decimal(24, 6)
        )
    end as expected_cost_basis
from trade_lots
inner join {{ ref('int_plans__trades_joined') }} as trades
    on trade_lots.trade_id = trades.trade_id
left join first_long_term_days as lots on trade_lots.lot_id = lots.lot_id
