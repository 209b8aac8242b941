-- What the firm states about lots, one row per lot: int_lots__keyed puts it in the place of what the
-- custodian sent.
{% set columns = {
    "cost_basis": "value_as_money",
    "cost_basis_unadjusted": "value_as_money",
    "acquisition_date": "value_as_date",
    "holding_period_start_date": "value_as_date",
    "covered_status": "value_as_covered_status",
} %}

select
    lot_id,
    {% for column, value in columns.items() -%}
        min({{ value }}) filter (where column_name = '{{ column }}') as {{ column }},
    {% endfor -%}
    string_agg(distinct override_id, ', ' order by override_id) as override_id
from {{ ref("int_overrides__in_force") }}
where override_type = 'set_value'
group by lot_id
