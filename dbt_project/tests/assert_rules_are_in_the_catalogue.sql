-- A rule that the catalogue lacks would be found and then dropped.
{{ config(meta={'dagster': {'ref': {'name': 'int_violations__found'}}}) }}

select rules.rule
from (
    {% for model in [
        "feeds", "accounts", "positions", "lots", "late_lots", "lot_facts", "values", "policy", "changes", "deliveries",
        "securities", "cross_checks",
    ] -%}
        select rule from {{ ref("int_rules__" ~ model) }}
        {% if not loop.last %}union
        {% endif %}
    {%- endfor %}
) as rules
left join {{ ref("seed_data_quality_rules") }} as catalogue on rules.rule = catalogue.rule
where catalogue.rule is null
