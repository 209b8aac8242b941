{% set casts = {
    "quantity": "quantity",
    "acquisition_date": "date",
    "holding_period_start_date": "date",
    "cost_basis": "money",
    "cost_basis_unadjusted": "money",
    "unit_cost": "quantity",
    "wash_sale_adjustment": "money",
    "original_quantity": "quantity",
    "amortization_adjustment": "money",
    "return_of_capital_adjustment": "money",
    "unrealized_gain_loss": "money",
} %}

with received as (
    {{ rows_in_effect("tax_lots", ["account_number", "source_lot_id"]) }}
),

typed as (
    select
        custodian,
        feed,
        source_file_id,
        source_row_number,
        {{ as_text("account_number") }} as account_number,
        {{ security_key(["custodian_security_id", "cusip", "isin", "ticker"]) }} as security_key,
        {{ without_account_number(as_text("source_lot_id"), as_text("account_number")) }} as source_lot_id,
        {{ null_word_status("acquisition_date") }} as acquisition_date_status,
        coalesce({{ as_time("acquisition_time") }}, {{ as_time("acquisition_date") }}) as acquisition_time,
        {{ as_term("term") }} as term,
        {{ null_word_status("cost_basis") }} as cost_basis_status,
        {{ as_wash_flag("wash_sale_flag") }} as wash_sale_flag,
        {{ as_code("covered_status") }} as covered_status,
        {{ as_code("acquisition_type") }} as acquisition_type,
        {{ as_code("basis_method") }} as basis_method,
        {{ as_code("currency") }} as currency,
        {{ as_code("sub_account_type") }} as sub_account_type,
        {{ without_account_number(as_text("source_transaction_id"), as_text("account_number")) }}
            as source_transaction_id,
        {{ cast_columns(casts) }},
        {{ texts_of(casts) }}
    from received
),

judged as (
    select
        * exclude (received_texts),
        {{ rejected_texts(casts) }}
    from typed
),

files_of_changes as (
    select distinct source_file_id from {{ ref("stg_delivery_files") }}
    where entity = 'tax_lots' and is_chain and is_change
)

select
    judged.* exclude (rejected_values),
    -- Which lot a change without an id is about cannot be known.
    case
        when judged.source_lot_id is null and files_of_changes.source_file_id is not null
            then
                list_append(
                    coalesce(judged.rejected_values, []),
                    { 'column_name': 'source_lot_id', 'value': '(none, in a file of changes)' }
                )
        else judged.rejected_values
    end as rejected_values
from judged
left join files_of_changes on judged.source_file_id = files_of_changes.source_file_id
