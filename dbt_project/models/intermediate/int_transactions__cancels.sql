-- Rows that cancel a transaction, and how what they cancel was found. A cancel of which nothing is found
-- cancels nothing: what it is about stands, or was never told.
{{ config(materialized="view") }}

select
    account_id,
    household_id,
    security_id,
    transaction_key,
    transaction_date,
    transaction_type,
    quantity,
    net_amount,
    cancel_matched_by as matched_by,
    first_known_date,
    custodian,
    feed,
    source_file_id,
    source_row_number
from {{ ref("int_transactions__told") }}
where is_cancel
