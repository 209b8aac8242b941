-- Every sale in a taxable account says which lots the custodian will deliver and why: named lots are those
-- of the sale, in time (Reg. 1.1012-1(c)(8)), and where the standing method is left to choose, no share
-- that stays stands before one that is sold, by the custodian's own dates and basis.
{{ config(meta={'dagster': {'ref': {'name': 'fct_recommended_trades'}}}) }}

with trades as (
    select
        trades.*,
        accounts.tax_treatment = 'taxable' and trades.action = 'sell' as needs_lots,
        accounts.custodian_lot_method
    from {{ ref("fct_recommended_trades") }} as trades
    inner join {{ ref("dim_accounts") }} as accounts
        on
            trades.account_id = accounts.account_id
            and trades.as_of_date = accounts.as_of_date
    where trades.as_of_date = {{ as_of_date() }}
),

sold as (
    select
        trade_lots.trade_id,
        coalesce(tax_lots.parent_lot_id, tax_lots.lot_id) as lot_id,
        sum(trade_lots.quantity) as quantity
    from {{ ref("fct_trade_lots") }} as trade_lots
    inner join {{ ref("fct_tax_lots") }} as tax_lots
        on
            trade_lots.lot_id = tax_lots.lot_id
            and trade_lots.as_of_date = tax_lots.as_of_date
    where trade_lots.as_of_date = {{ as_of_date() }}
    group by all
),

sums as (
    select
        trade_id,
        sum(quantity) as quantity
    from sold
    group by trade_id
),

choices as (
    select
        trades.trade_id,
        trades.standing_lot_method,
        lots.acquisition_date,
        lots.custodian_cost_basis / lots.quantity as unit_cost,
        coalesce(sold.quantity, 0) as sold_quantity,
        lots.quantity - coalesce(sold.quantity, 0) as kept_quantity,
        lots.lot_id
    from trades
    inner join {{ ref("int_lots__identified") }} as lots
        on
            trades.account_id = lots.account_id
            and trades.security_id = lots.security_id
    left join sold
        on
            trades.trade_id = sold.trade_id
            and lots.lot_id = sold.lot_id
    where trades.lot_instruction = 'standing_method' and lots.quantity > 0
)

select
    trades.trade_id,
    'a taxable sale says what becomes of its lots, and nothing else does' as broken
from trades
where
    trades.needs_lots <> (trades.lot_instruction is not null)
    or trades.needs_lots <> (trades.lot_instruction_text is not null)
union all
select
    trades.trade_id,
    'the standing method is the custodian''s' as broken
from trades
where trades.needs_lots and trades.standing_lot_method is distinct from trades.custodian_lot_method
union all
select
    trades.trade_id,
    'named lots are named by the settlement date, and only they' as broken
from trades
where
    case
        when trades.lot_instruction = 'specific_lots'
            then
                coalesce(
                    trades.lots_named_by_date not between {{ planned_trade_date() }} + 1
                    and {{ planned_trade_date() }} + 5,
                    true
                )
        else trades.lots_named_by_date is not null
    end
union all
select
    trades.trade_id,
    'the lots hold the shares of the sale' as broken
from trades
left join sums on trades.trade_id = sums.trade_id
where trades.needs_lots and trades.quantity is distinct from sums.quantity
union all
select
    sold_lots.trade_id,
    'the standing method delivers the lots of the sale' as broken
from choices as sold_lots
inner join choices as kept_lots
    on
        sold_lots.trade_id = kept_lots.trade_id
        and sold_lots.lot_id <> kept_lots.lot_id
where
    sold_lots.sold_quantity > 0
    and kept_lots.kept_quantity > 0
    and not coalesce(
        case sold_lots.standing_lot_method
            when 'FIFO' then sold_lots.acquisition_date < kept_lots.acquisition_date
            when 'AVERAGE' then sold_lots.acquisition_date < kept_lots.acquisition_date
            when 'LIFO' then sold_lots.acquisition_date > kept_lots.acquisition_date
            when 'HIFO' then sold_lots.unit_cost > kept_lots.unit_cost
            when 'LOFO' then sold_lots.unit_cost < kept_lots.unit_cost
            -- Of one term the dearer lot is the larger loss or the smaller gain.
            when 'MIN_TAX' then sold_lots.unit_cost > kept_lots.unit_cost
        end,
        false
    )
