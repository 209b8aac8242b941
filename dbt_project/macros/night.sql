{#-
    The dates and firm-wide numbers that a run is given, by name. They come as JSON in the environment
    variable EVENKEEL_NIGHT, or one by one with --vars, which goes first. Nothing here has a default: a
    missing one is an error when SQL runs. While parsing a placeholder stands for every one of them:
    what changes from night to night must not make dbt parse the whole project again.
-#}

{% macro required_variable(name) -%}
    {%- set given = var(name, none) -%}
    {%- if given is none and execute -%}
        {%- set night = fromjson(env_var("EVENKEEL_NIGHT", "{}")) -%}
        {%- if name not in night -%}
            {{ exceptions.raise_compiler_error("'" ~ name ~ "' is missing: give it in EVENKEEL_NIGHT or with --vars") }}
        {%- endif -%}
        {%- set given = night[name] -%}
    {%- endif -%}
    {{ given if given is not none else '2000-01-03' }}
{%- endmacro %}

{#- The session that this run is about. -#}
{% macro as_of_date() -%}
    date '{{ required_variable("as_of_date") }}'
{%- endmacro %}

{#- The session on which the plan would trade: terms, windows and lockups are judged on it. -#}
{% macro planned_trade_date() -%}
    date '{{ required_variable("planned_trade_date") }}'
{%- endmacro %}

{#- The last date on which a cash flow counts as due. -#}
{% macro flow_horizon_date() -%}
    date '{{ required_variable("flow_horizon_date") }}'
{%- endmacro %}

{#- A firm-wide number, exact. -#}
{% macro policy_number(name) -%}
    cast('{{ required_variable(name) }}' as decimal(18, 10))
{%- endmacro %}

{#- A firm-wide choice. -#}
{% macro policy_text(name) -%}
    '{{ required_variable(name) }}'
{%- endmacro %}

{#- A re-run replaces its own date only. Used as the pre-hook of every dated table. -#}
{% macro delete_this_night() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where as_of_date = {{ as_of_date() }}
    {%- endif -%}
{%- endmacro %}

{#- The policy file in force for an entity is the newest one received up to the session; of its rows
    those hold whose validity covers the session. `only_valid=false` gives every row of the file. -#}
{% macro policy_rows_in_force(entity, only_valid=true) -%}
    select received.*
        from {{ source("raw", entity) }} as received
        inner join (
            select as_of_date, source_file_id
            from {{ ref("stg_source_files") }}
            where feed = 'policy_files' and entity = '{{ entity }}'
            qualify row_number() over (order by as_of_date desc, received_at desc, source_file_id desc) = 1
        ) as file_in_force
            on
                received.as_of_date = file_in_force.as_of_date
                and received.source_file_id = file_in_force.source_file_id
        {% if only_valid -%}
        where
            -- A row whose dates cannot be read holds: its contract violation says what stops because of it.
            coalesce(try_cast(received.valid_from as date), {{ as_of_date() }}) <= {{ as_of_date() }}
            and coalesce(try_cast(nullif(trim(received.valid_to), '') as date), {{ as_of_date() }}) >= {{ as_of_date() }}
        {%- endif %}
{%- endmacro %}

{#- Whether the amount, the type and the state of a cash flow say what is to happen. -#}
{% macro is_understood_flow(flows) -%}
    coalesce(
        {{ flows }}.amount > 0
        and {{ flows }}.flow_type in (
            'contribution', 'withdrawal', 'rmd', 'fee', 'capital_call', 'income_distribution'
        )
        and {{ flows }}.state in ('planned', 'requested', 'posted', 'cancelled'),
        false
    )
{%- endmacro %}

{#- The weekday after a date; a holiday counts as one. -#}
{% macro next_weekday(day) -%}
    {{ day }} + case dayofweek({{ day }}) when 5 then 3 when 6 then 2 else 1 end
{%- endmacro %}

{#- The weekday before: the session before, but for a holiday between them. -#}
{% macro previous_weekday(day) -%}
    {{ day }} - case dayofweek({{ day }}) when 1 then 3 when 0 then 2 else 1 end
{%- endmacro %}
