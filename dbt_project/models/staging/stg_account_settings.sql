{% set casts = {
    "counts_toward_allocation": "boolean",
    "is_tradable": "boolean",
    "counts_for_wash_sales": "boolean",
    "minimum_cash": "money",
    "is_discretionary": "boolean",
} %}

with received as (
    {{ policy_rows_in_force("account_settings") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        upper(trim(custodian)) as custodian,
        {{ as_text("account_number") }} as account_number,
        {{ without_account_number(as_text("account_name"), as_text("account_number")) }} as account_name,
        {{ as_text("household_id") }} as household_id,
        {{ as_text("allocation_group_id") }} as allocation_group_id,
        {{ as_text("tax_unit_id") }} as tax_unit_id,
        {{ as_text("wash_sale_group_id") }} as wash_sale_group_id,
        lower({{ as_text("account_type") }}) as account_type,
        lower({{ as_text("account_status") }}) as account_status,
        {{ as_text("permitted_list") }} as permitted_list,
        {{ as_code("lot_method") }} as lot_method,
        lower({{ as_text("plan_employment") }}) as plan_employment,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    count(*) over (partition by custodian, account_number) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by custodian, account_number
        order by valid_from desc, source_row_number desc
    ) = 1
