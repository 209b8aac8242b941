-- Transactions that happened: a transaction and the row that cancels it both fall away.
{{ config(materialized="view") }}

select
    account_id,
    household_id,
    security_id,
    transaction_key,
    transaction_date,
    transaction_time,
    settlement_date,
    entry_date,
    first_known_date,
    transaction_type,
    source_type,
    sub_account_type,
    quantity,
    price,
    net_amount,
    accrued_interest,
    currency,
    transaction_id,
    custodian,
    feed,
    file_name,
    source_file_id,
    source_row_number
from {{ ref("int_transactions__told") }}
where not is_cancel and not is_cancelled and transaction_date is not null
