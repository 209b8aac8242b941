{#-
    Rows of marts as they stand before this run replaces its own night: those of earlier sessions, and
    those that an earlier version of the same night has left. A model cannot ref what is made after it;
    what is read here is history, and on the first night there is none.
-#}

{#- `columns` maps each column of the mart to its type: without the table, the same columns and no rows. -#}
{% macro rows_as_they_stand(mart, columns) -%}
    {%- set found = load_relation(
        api.Relation.create(database=target.database, schema="marts", identifier=mart)
    ) if execute else none -%}
    {%- set present = [] -%}
    {%- if found -%}
        {%- for column in adapter.get_columns_in_relation(found) -%}
            {%- do present.append(column.name) -%}
        {%- endfor -%}
    {%- endif -%}
    select
        {% for column, kind in columns.items() -%}
            {{ column if column in present else "cast(null as " ~ kind ~ ")" }} as {{ column }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    {% if found %}
    from marts.{{ mart }}
    {% else %}
    where false
    {% endif %}
{%- endmacro %}
