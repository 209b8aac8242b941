{#-
    The dates and firm-wide numbers that a run is given. Nothing here has a default: a missing
    variable is an error when SQL runs (while parsing, a placeholder keeps the manifest buildable).
-#}

{% macro required_variable(name) -%}
    {%- set value = var(name, none) -%}
    {%- if value is none and execute -%}
        {{ exceptions.raise_compiler_error("variable '" ~ name ~ "' is missing: give it with --vars") }}
    {%- endif -%}
    {{ value if value is not none else '2000-01-03' }}
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
    those hold whose validity covers the session. -#}
{% macro policy_rows_in_force(entity) -%}
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
        where
            try_cast(received.valid_from as date) <= {{ as_of_date() }}
            and coalesce(try_cast(nullif(trim(received.valid_to), '') as date), {{ as_of_date() }}) >= {{ as_of_date() }}
{%- endmacro %}
