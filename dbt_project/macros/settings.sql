{#-
    The settings that may differ from household to household, in the order of the documentation: `kind` is
    how they are written (number, word or flag), `file` whose column states them. All but the gains budget
    have a value of the firm; names and ranges are those of the firm's own file (python_steps/policy.py).
-#}
{% macro household_settings() -%}
    {{ return([
        {"name": "default_absolute_band", "kind": "number", "unit": "share of the base", "file": "household_settings"},
        {"name": "default_relative_band", "kind": "number", "unit": "share of the target", "file": "household_settings"},
        {"name": "default_band_rule", "kind": "word", "unit": "word", "file": "household_settings"},
        {"name": "default_band_floor", "kind": "number", "unit": "share of the base", "file": "household_settings"},
        {"name": "trade_to", "kind": "word", "unit": "word", "file": "household_settings"},
        {"name": "inner_share", "kind": "number", "unit": "share of the half-width", "file": "household_settings"},
        {"name": "check_frequency", "kind": "word", "unit": "word", "file": "household_settings"},
        {"name": "rebalance_trigger", "kind": "word", "unit": "word", "file": "household_settings"},
        {"name": "partial_rebalance", "kind": "word", "unit": "word", "file": "household_settings"},
        {"name": "allocation_basis", "kind": "word", "unit": "word", "file": "household_settings"},
        {"name": "harvest_threshold", "kind": "number", "unit": "dollars", "file": "household_settings"},
        {"name": "location_years", "kind": "number", "unit": "years", "file": "household_settings"},
        {"name": "basis_reset_worth", "kind": "number", "unit": "share of the long-term rate", "file": "household_settings"},
        {"name": "turnover_price", "kind": "number", "unit": "dollars per dollar", "file": "household_settings"},
        {"name": "minimum_trade_benefit", "kind": "number", "unit": "dollars", "file": "household_settings"},
        {"name": "breakeven_years_limit", "kind": "number", "unit": "years", "file": "household_settings"},
        {"name": "risk_aversion", "kind": "number", "unit": "number", "file": "household_settings"},
        {"name": "allows_short_term_gains", "kind": "flag", "unit": "true or false", "file": "households"},
        {"name": "harvests_losses", "kind": "flag", "unit": "true or false", "file": "households"},
        {"name": "minimum_trade_amount", "kind": "number", "unit": "dollars", "file": "households"},
    ]) }}
{%- endmacro %}

{#- The firm's value of a setting, as its kind. -#}
{% macro firm_setting(setting) -%}
    {%- if setting["kind"] == "number" -%} {{ policy_number(setting["name"]) }}
    {%- elif setting["kind"] == "flag" -%} cast({{ policy_text(setting["name"]) }} as boolean)
    {%- else -%} {{ policy_text(setting["name"]) }}
    {%- endif -%}
{%- endmacro %}

{#- A value of a setting as text: numbers without idle zeros. -#}
{% macro setting_text(value, kind) -%}
    {%- if kind == "number" -%} rtrim(rtrim(cast({{ value }} as varchar), '0'), '.')
    {%- else -%} cast({{ value }} as varchar)
    {%- endif -%}
{%- endmacro %}

{#- A date that comes again a period after another; null where there is no such period. -#}
{% macro date_after_period(day, frequency) -%}
    cast(
        {{ day }} + case {{ frequency }}
            when 'weekly' then interval 7 day
            when 'monthly' then interval 1 month
            when 'quarterly' then interval 3 month
            when 'semiannual' then interval 6 month
            when 'annual' then interval 1 year
        end
        as date
    )
{%- endmacro %}

{#- When a target is checked next; the session itself where it is checked nightly or never was. -#}
{% macro next_check_date(frequency, last_check_date) -%}
    case
        when {{ frequency }} = 'nightly' or {{ last_check_date }} is null then {{ as_of_date() }}
        else {{ date_after_period(last_check_date, frequency) }}
    end
{%- endmacro %}
