-- Corporate actions around tonight: what one unit of the old security becomes (ratio; null where an
-- action re-states no quantity), and which security that is.
-- Custodians book an action a day before or after each other, and positions not with their lots: an
-- action is looked for over five sessions back, and on the next session.
with actions as (
    select distinct
        identified.security_id,
        actions.action_type,
        actions.ex_date,
        actions.new_cusip,
        actions.new_ticker,
        case
            when actions.ratio_new > 0
                then cast(actions.ratio_new / nullif(actions.ratio_old, 0) as decimal(28, 10))
        end as ratio
    from {{ ref("stg_corporate_actions") }} as actions
    inner join {{ ref("int_securities__identified") }} as identified
        on actions.security_key = identified.security_key
    where
        -- Five sessions are seven days, and one more over a holiday.
        actions.ex_date between {{ as_of_date() }} - 8 and {{ planned_trade_date() }}
)

select distinct
    actions.security_id,
    actions.action_type,
    actions.ex_date,
    actions.ratio,
    coalesce(by_cusip.security_id, by_ticker.security_id, actions.security_id) as new_security_id
from actions
left join {{ ref("stg_security_registry") }} as by_cusip
    on actions.new_cusip = by_cusip.id_value and by_cusip.id_type = 'CUSIP'
left join {{ ref("stg_security_registry") }} as by_ticker
    on actions.new_ticker = by_ticker.id_value and by_ticker.id_type = 'TICKER'
