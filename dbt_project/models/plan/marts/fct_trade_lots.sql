-- The lots that the proposed sales use, so that the custodian can be told which to take.
with tax_lots as (

    select
        account_id,
        lot_id,
        source_lot_id
    from {{ ref('fct_tax_lots') }}
    where as_of_date = {{ as_of_date() }}

)

select
    trade_lots.as_of_date,
    trade_lots.trade_id,
    trade_lots.lot_id,
    trade_lots.plan_id,
    trade_lots.household_id,
    trade_lots.account_id,
    trade_lots.security_id,
    trade_lots.quantity,
    trade_lots.acquisition_date,
    trade_lots.holding_period_start_date,
    trade_lots.term,
    trade_lots.proceeds,
    trade_lots.cost_basis,
    trade_lots.realized_gain,
    trade_lots.tax_cost,
    tax_lots.source_lot_id,
    trade_lots.recharacterized_loss,
    trade_lots.disallowed_loss
from {{ source('rebalance', 'trade_lots') }} as trade_lots
inner join {{ ref('fct_recommended_trades') }} as trades
    on
        trade_lots.trade_id = trades.trade_id
        and trade_lots.as_of_date = trades.as_of_date
left join tax_lots
    on
        trade_lots.lot_id = tax_lots.lot_id
        and trade_lots.account_id = tax_lots.account_id
where trade_lots.as_of_date = {{ as_of_date() }}
