{#- Schemas are exactly the house's names (staging, intermediate, marts, ops), with no prefix. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
