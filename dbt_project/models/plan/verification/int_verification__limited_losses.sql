{{ config(schema='intermediate') }}

-- Losses on shares of funds and REITs held six months or less (IRC 852(b)(4), 857(b)(8)): a plan limits
-- them by what the account was paid on them, and by no more. The share of one lot is bounded from both
-- sides: at least that of the whole holding, at most all that was paid. One row per violation.
with trade_lots as (

    select
        *,
        coalesce(disallowed_loss, 0) as disallowed,
        -coalesce(recharacterized_loss, 0) as called_long,
        -least(realized_gain, 0) as loss
    from {{ ref('int_plans__trade_lots_joined') }}
    where tax_treatment = 'taxable' and action = 'sell'

),

paid as (

    select
        trade_lots.trade_id,
        trade_lots.lot_id,
        sum(case distributions.distribution_kind when 'exempt_interest' then distributions.amount else 0 end)
            as exempt_interest,
        sum(case distributions.distribution_kind when 'long_term_gain' then distributions.amount else 0 end)
            as long_term_gain
    from trade_lots
    inner join {{ ref('int_distributions__recent') }} as distributions
        on
            trade_lots.account_id = distributions.account_id
            and trade_lots.security_id = distributions.security_id
            and trade_lots.lot_acquisition_date < distributions.paid_date
    group by trade_lots.trade_id, trade_lots.lot_id

),

judged as (

    select
        trade_lots.*,
        coalesce(paid.exempt_interest, 0) as exempt_interest,
        case when trade_lots.expected_term = 'short' then coalesce(paid.long_term_gain, 0) else 0 end
            as long_term_gain,
        trade_lots.quantity / nullif(positions.quantity, 0) as share_of_holding,
        -- a day more or less at the end of a month is left to the tax step
        trade_lots.planned_trade_date < trade_lots.lot_acquisition_date + interval 6 month
            as is_surely_young,
        coalesce(
            trade_lots.planned_trade_date
            > trade_lots.lot_acquisition_date + interval 6 month + interval 3 day,
            true
        ) as is_surely_old
    from trade_lots
    left join paid on trade_lots.trade_id = paid.trade_id and trade_lots.lot_id = paid.lot_id
    left join {{ ref('int_positions__valued') }} as positions
        on
            trade_lots.account_id = positions.account_id
            and trade_lots.security_id = positions.security_id

)

select
    household_id,
    plan_id,
    'young_losses_are_limited' as check_name,
    account_label || ': lot ' || lot_id || ' of ' || security_label || ', a loss of $' || loss
    || ', of which $'
    || disallowed || ' is stated as not deductible and $' || called_long || ' as long-term; $'
    || exempt_interest || ' of exempt interest and $' || long_term_gain || ' of capital gains were paid'
        as detail
from judged
where
    disallowed < 0
    or called_long < 0
    or disallowed + called_long > loss + 0.01
    or disallowed > exempt_interest + 0.01
    or called_long > long_term_gain + 0.01
    or (is_surely_old and disallowed + called_long > 0)
    or (
        is_surely_young
        and disallowed + called_long
        < least(loss, (exempt_interest + long_term_gain) * share_of_holding) - 0.02
    )
