-- What holds in each household: its own setting where it has one, else the firm's. A value of its own that
-- cannot be used is never replaced by the firm's: the household is withheld then (its contract), and what
-- follows here from the firm's value is not traded on.
select
    households.household_id,
    {% for setting in household_settings() -%}
        {% set own = "settings" if setting["file"] == "household_settings" else "households" -%}
        coalesce({{ own }}.{{ setting["name"] }}, {{ firm_setting(setting) }}) as {{ setting["name"] }},
    {% endfor -%}
    households.annual_gains_budget
from {{ ref("stg_households") }} as households
left join {{ ref("stg_household_settings") }} as settings
    on households.household_id = settings.household_id
