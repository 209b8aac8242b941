{{ config(schema='intermediate') }}

-- Whether a plan's numbers follow from the book: prices, products, sums, terms and signs.
-- One row per violation. A cent per added row is allowed: custodians settle in cents.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}

),

trade_lots as (

    select *
    from {{ ref('int_plans__trade_lots_joined') }}

),

lot_totals as (

    select
        trade_id,
        count(*) as lot_count,
        sum(quantity) as quantity,
        sum(proceeds) as proceeds,
        sum(tax_cost) as tax_cost,
        count(*) - count(quantity + proceeds) as lots_without_amounts,
        count(*) - count(realized_gain) as lots_without_gain,
        sum(case when term = 'short' then greatest(realized_gain, 0) else 0 end) as short_term_gain,
        sum(
            case when term = 'short' then least(realized_gain, 0) + allowed_back - called_long else 0 end
        ) as short_term_loss,
        sum(case when term = 'long' then greatest(realized_gain, 0) else 0 end) as long_term_gain,
        sum(case when term = 'long' then least(realized_gain, 0) + allowed_back else called_long end)
            as long_term_loss
    from (
        -- What IRC 852(b)(4) takes from a loss, or calls long-term of it; 0 where a plan states none.
        select
            *,
            coalesce(disallowed_loss, 0) as allowed_back,
            coalesce(recharacterized_loss, 0) as called_long
        from trade_lots
    ) as stated
    group by trade_id

),

plan_costs as (

    select
        proposed.household_id,
        proposed.plan_id,
        proposed.transaction_cost,
        coalesce(sum(trades.trade_cost), 0) as trade_cost,
        count(trades.trade_id) as trade_count
    from {{ source('rebalance', 'plans') }} as proposed
    left join trades on proposed.plan_id = trades.plan_id
    where proposed.as_of_date = {{ as_of_date() }}
    group by all

)

select
    household_id,
    plan_id,
    'prices_are_the_books' as check_name,
    account_label || ': ' || security_label || ' at ' || price || ', the book says '
    || coalesce(cast(book_price as varchar), 'nothing') as detail
from trades
where book_price is null or price <> book_price
union all
select
    household_id,
    plan_id,
    'notional_is_quantity_times_price' as check_name,
    account_label || ': ' || action || ' of ' || quantity || ' ' || security_label || ' at ' || price
    || ' is stated as $' || notional as detail
from trades
where abs(notional - quantity * price) > 0.01
union all
select
    trades.household_id,
    trades.plan_id,
    'lots_add_up_to_trades' as check_name,
    trades.account_label || ': ' || trades.action || ' of ' || trades.quantity || ' '
    || trades.security_label || ' worth $' || trades.notional || ', its lots add up to '
    || coalesce(lot_totals.quantity, 0) || ' and $' || coalesce(lot_totals.proceeds, 0) as detail
from trades
left join lot_totals on trades.trade_id = lot_totals.trade_id
where
    case
        when trades.action = 'buy' then lot_totals.lot_count > 0
        -- a tax-advantaged account may be sold by position: nothing depends on its lots
        when lot_totals.lot_count is null then trades.tax_treatment = 'taxable'
        else
            lot_totals.lots_without_amounts > 0
            or abs(lot_totals.quantity - trades.quantity) > 0.000001
            or abs(lot_totals.proceeds - trades.notional) > 0.01 * lot_totals.lot_count
            or abs(lot_totals.tax_cost - trades.tax_cost) > 0.01 * lot_totals.lot_count
    end
union all
select
    trades.household_id,
    trades.plan_id,
    'lots_add_up_to_trades' as check_name,
    trades.account_label || ': the gains and losses stated for the sale of ' || trades.security_label
    || ' are not those of its lots' as detail
from trades
inner join lot_totals on trades.trade_id = lot_totals.trade_id
where
    trades.tax_treatment = 'taxable'
    and (
        abs(trades.realized_short_term_gain - lot_totals.short_term_gain) > 0.01 * lot_totals.lot_count
        or abs(trades.realized_short_term_loss - lot_totals.short_term_loss)
        > 0.01 * lot_totals.lot_count
        or abs(trades.realized_long_term_gain - lot_totals.long_term_gain) > 0.01 * lot_totals.lot_count
        or abs(trades.realized_long_term_loss - lot_totals.long_term_loss) > 0.01 * lot_totals.lot_count
        or lot_totals.lots_without_gain > 0
    )
union all
select
    household_id,
    plan_id,
    'lot_gains_are_proceeds_less_basis' as check_name,
    account_label || ': lot ' || lot_id || ' of ' || security_label || ', proceeds $' || proceeds
    || ', stated basis ' || coalesce('$' || cost_basis, 'none') || ', basis by the ledger '
    || coalesce('$' || expected_cost_basis, 'none') || ', stated gain '
    || coalesce('$' || realized_gain, 'none') as detail
from trade_lots
where
    tax_treatment = 'taxable'
    and (
        cost_basis is distinct from expected_cost_basis
        and not coalesce(abs(cost_basis - expected_cost_basis) <= 0.01, false)
        or abs(realized_gain - (proceeds - cost_basis)) > 0.01
    )
union all
select
    household_id,
    plan_id,
    'terms_follow_dates' as check_name,
    account_label || ': lot ' || lot_id || ' of ' || security_label || ' is stated as '
    || coalesce(term, 'nothing') || ' term, its dates make it ' || coalesce(expected_term, 'unknown')
        as detail
from trade_lots
where tax_treatment = 'taxable' and term is distinct from expected_term
union all
select
    household_id,
    plan_id,
    'signs_follow_the_convention' as check_name,
    account_label || ': ' || action || ' of ' || security_label
    || ' breaks the sign convention (quantities, prices and costs positive, gains not negative, '
    || 'losses not positive, none of either on a buy or in a tax-advantaged account)' as detail
from trades
where
    -- what is not stated does not keep the convention either
    coalesce(
        action in ('buy', 'sell')
        and quantity > 0
        and price > 0
        and notional > 0
        and commission >= 0
        and spread_cost >= 0
        and market_impact >= 0
        and realized_short_term_gain >= 0
        and realized_long_term_gain >= 0
        and realized_short_term_loss <= 0
        and realized_long_term_loss <= 0
        and (
            (action = 'sell' and tax_treatment = 'taxable')
            or (
                realized_short_term_gain = 0
                and realized_long_term_gain = 0
                and realized_short_term_loss = 0
                and realized_long_term_loss = 0
                and tax_cost = 0
            )
        ),
        false
    ) = false
union all
select
    household_id,
    plan_id,
    'tax_character_follows_gains' as check_name,
    account_label || ': ' || action || ' of ' || security_label || ' is labelled ' || tax_character
        as detail
from trades
where
    tax_character is distinct from case
        when
            cast((realized_short_term_gain <> 0) as int) + cast((realized_short_term_loss <> 0) as int)
            + cast((realized_long_term_gain <> 0) as int) + cast((realized_long_term_loss <> 0) as int) > 1
            then 'mixed'
        when realized_short_term_gain <> 0 then 'short_term_gain'
        when realized_short_term_loss <> 0 then 'short_term_loss'
        when realized_long_term_gain <> 0 then 'long_term_gain'
        when realized_long_term_loss <> 0 then 'long_term_loss'
        else 'none'
    end
union all
select
    household_id,
    plan_id,
    'trade_costs_add_up_to_the_plan' as check_name,
    format(
        'the trades cost ${:,.2f}, the plan says ${:,.2f}',
        cast(trade_cost as double),
        cast(transaction_cost as double)
    ) as detail
from plan_costs
where
    transaction_cost is null
    or abs(transaction_cost - trade_cost) > 0.01 * greatest(trade_count, 1)
