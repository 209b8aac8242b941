select
    {{ as_of_date() }} as as_of_date,
    household_id,
    household_name,
    advisor_id,
    advisor_name,
    coalesce(report_language, 'en') as report_language,
    -- What the firm's file leaves open is not allowed.
    coalesce(allows_short_term_gains, false) as allows_short_term_gains,
    coalesce(harvests_losses, false) as harvests_losses,
    coalesce(minimum_trade_amount, cast({{ policy_number("minimum_trade_amount") }} as decimal(24, 6)))
        as minimum_trade_amount,
    annual_gains_budget,
    household_state,
    state_reason,
    market_value,
    uncertain_weight
from {{ ref("int_households__states") }}
