{#- Data tests that several models share. Each looks at the current night only. -#}

{#- The given columns together identify a row. -#}
{% test is_unique_by(model, columns) %}
    select {{ columns | join(", ") }}, count(*) as row_count
    from {{ model }}
    {% if "as_of_date" in columns -%}
        where as_of_date = {{ as_of_date() }}
    {%- endif %}
    group by all
    having count(*) > 1
{% endtest %}

{#- An expression is true on every row of the night; a null result fails. -#}
{% test holds(model, expression, where="true") %}
    select *
    from {{ model }}
    where ({{ where }}) and ({{ expression }}) is not true
{% endtest %}
