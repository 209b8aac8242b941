-- Corporate actions around tonight, as custodians' files of actions state them: what one unit of the old
-- security becomes (ratio; null where an action re-states no quantity), and which security that is.
-- Custodians book an action a day before or after each other, and positions not with their lots: an
-- action is looked for over five sessions back, and on the next session.
select distinct
    security_id,
    action_type,
    ex_date,
    ratio,
    new_security_id
from {{ ref("int_corporate_actions__identified") }}
where
    -- What one account's transactions tell is compared with its holdings by those transactions.
    told_by = 'corporate_actions'
    -- Five sessions are seven days, and one more over a holiday.
    and ex_date between {{ as_of_date() }} - 8 and {{ planned_trade_date() }}
