-- Whom every policy row that was ever received says it is about, and when it holds, as text: also of rows
-- that break their contract and that no other staging model takes.
{% for entity, columns in {
    "households": ["household_id", None, None],
    "household_settings": ["household_id", None, None],
    "allocation_groups": ["household_id", None, None],
    "account_settings": ["household_id", None, "account_number"],
    "ips_targets": [None, "allocation_group_id", None],
    "cash_flows": [None, None, "account_number"],
    "tax_profiles": ["household_id", None, None],
    "restrictions": [None, None, None],
}.items() -%}
    select distinct
        '{{ entity }}' as entity,
        source_file_id,
        source_row_number,
        valid_from,
        valid_to,
        {{ as_text(columns[0]) if columns[0] else "cast(null as varchar)" }} as household_id,
        {{ as_text(columns[1]) if columns[1] else "cast(null as varchar)" }} as allocation_group_id,
        {{ "upper(trim(custodian))" if columns[2] else "cast(null as varchar)" }} as custodian,
        {{ as_text(columns[2]) if columns[2] else "cast(null as varchar)" }} as account_number
    from {{ source("raw", entity) }}
    {% if not loop.last %}union all
    {% endif %}
{%- endfor %}
