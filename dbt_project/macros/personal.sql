{#- What files say of people stays in the raw and staging tables: what is published of a person is an id,
    initials, a year of birth and whether the person lives. -#}
{% macro is_personal_column(name) -%}
    {{ name }} in ('display_name', 'birth_date', 'death_date')
{%- endmacro %}

{#- A text without the personal cells that it quotes as expectations do: column = 'value'. -#}
{% macro without_personal_cells(text) -%}
    regexp_replace(
        {{ text }},
        '\b(display_name|birth_date|death_date) = (''[^'']*''|"[^"]*")',
        '\1 = a personal value',
        'g'
    )
{%- endmacro %}

{#- What was found, without a person's name and dates; also as mapped files say it, column name: value. -#}
{% macro without_personal_values(observed) -%}
    regexp_replace(
        {{ without_personal_cells(observed) }},
        '\bcolumn (display_name|birth_date|death_date): .*$',
        'column \1: a personal value'
    )
{%- endmacro %}

{#- Personal data that an earlier version of a mart held leaves it with the next night. -#}
{% macro drop_columns(columns) -%}
    {%- if execute and load_relation(this) -%}
        {%- for column in columns -%}
            alter table {{ this }} drop column if exists {{ column }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
