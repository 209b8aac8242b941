-- Lots that earlier nights named for sales in taxable accounts, by the day they were bought: what the
-- custodian was to be told, as far as the sales were made.
with trades as (
    {{ rows_as_they_stand(
        "fct_recommended_trades",
        {
            "as_of_date": "date",
            "trade_id": "varchar",
            "account_id": "varchar",
            "security_id": "varchar",
            "quantity": "decimal(28, 10)",
            "lot_instruction": "varchar",
            "lots_named_by_date": "date",
        }
    ) }}
),

trade_lots as (
    {{ rows_as_they_stand(
        "fct_trade_lots",
        {
            "as_of_date": "date",
            "trade_id": "varchar",
            "acquisition_date": "date",
            "quantity": "decimal(28, 10)",
        }
    ) }}
)

select
    trades.as_of_date as planned_on_date,
    trades.lots_named_by_date,
    trades.trade_id,
    trades.account_id,
    trades.security_id,
    trades.quantity as trade_quantity,
    trade_lots.acquisition_date,
    cast(sum(trade_lots.quantity) as decimal(28, 10)) as quantity
from trades
inner join trade_lots
    on
        trades.trade_id = trade_lots.trade_id
        and trades.as_of_date = trade_lots.as_of_date
where
    trades.lot_instruction = 'specific_lots'
    and trades.as_of_date < {{ as_of_date() }}
    and trades.as_of_date >= {{ as_of_date() }} - 366
group by
    trades.as_of_date,
    trades.lots_named_by_date,
    trades.trade_id,
    trades.account_id,
    trades.security_id,
    trades.quantity,
    trade_lots.acquisition_date
