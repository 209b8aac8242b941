-- The tax situation of each tax unit in the year of the planned trade.
select
    tax_unit_id,
    household_id,
    tax_year,
    filing_status,
    ordinary_taxable_income,
    magi,
    state_rate,
    state_gains_rate,
    short_term_carryforward,
    long_term_carryforward,
    year_to_date_short_term_gain,
    year_to_date_long_term_gain,
    year_to_date_collectibles_gain,
    -- A rate of all or more leaves nothing to be weighed: it is no rate.
    case when expected_retirement_rate >= 0 and expected_retirement_rate < 1 then expected_retirement_rate end
        as expected_retirement_rate,
    profile_status
from {{ ref("stg_tax_profiles") }}
where tax_year = year({{ planned_trade_date() }})
