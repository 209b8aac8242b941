{#-
    What the rules about changes need: rows of earlier nights, and tolerances that several of them share.
    A mart of the plan pass is made after the rules, so that an earlier night of it cannot be a ref (that
    would be a circle): its rows of earlier sessions are read as they stand. On the first night there are
    none, and the model int_rules__asked says so.
-#}

{#- The newest session before tonight that a mart holds, as text; none on the first night. -#}
{% macro night_before(mart) -%}
    {%- if execute -%}
        {%- set found = load_relation(
            api.Relation.create(database=target.database, schema="marts", identifier=mart)
        ) -%}
        {%- if found -%}
            {%- set newest = run_query(
                "select max(as_of_date) from marts." ~ mart ~ " where as_of_date < " ~ as_of_date()
            ).columns[0].values()[0] -%}
            {{ return(newest) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}

{#- Rows of a mart of the sessions before tonight. `columns` maps each column to its type: where there is
    no such session, the same columns without rows. `is_last_only` leaves the newest of them. -#}
{% macro earlier_nights(mart, columns, is_last_only=true) -%}
    {%- set newest = night_before(mart) -%}
    select
        as_of_date,
        {{ columns | join(", ") }}
    {% if newest -%}
    from marts.{{ mart }}
    where as_of_date {{ "=" if is_last_only else "<=" }} date '{{ newest }}'
    {%- else -%}
    from (
        select
            cast(null as date) as as_of_date,
            {% for column, kind in columns.items() %}cast(null as {{ kind }}) as {{ column }}{{ ", " if not loop.last }}{% endfor %}
    ) as nothing
    where false
    {%- endif %}
{%- endmacro %}

{#- The session before tonight's: a weekday, and one that a holiday is not. -#}
{% macro previous_session_date() -%}
    date '{{ required_variable("previous_session_date") }}'
{%- endmacro %}

{#- Units whose quantity comes from rounding, not from a fact: the policy's tolerance. -#}
{% macro is_same_quantity(first, second) -%}
    abs(({{ first }}) - ({{ second }})) <= {{ policy_number("quantity_tolerance") }}
{%- endmacro %}

{#- Whether the last character of a CUSIP is the check digit of the eight before it: digits count as they
    are, letters from A = 10, then * @ #; every second is doubled, digits of the products are added. -#}
{% macro has_cusip_check_digit(cusip) -%}
    regexp_full_match({{ cusip }}, '[0-9A-Z*@#]{8}[0-9]')
    and (
        10 - list_sum(
            list_transform(
                range(1, 9),
                place -> (
                    (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*@#', {{ cusip }}[place]) - 1)
                    * case when place % 2 = 0 then 2 else 1 end
                ) // 10
                + (
                    (strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*@#', {{ cusip }}[place]) - 1)
                    * case when place % 2 = 0 then 2 else 1 end
                ) % 10
            )
        ) % 10
    ) % 10 = try_cast({{ cusip }}[9] as integer)
{%- endmacro %}
