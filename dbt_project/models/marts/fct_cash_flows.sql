select
    {{ as_of_date() }} as as_of_date,
    cash_flow_id,
    household_id,
    account_id,
    allocation_group_id,
    flow_type,
    cast(amount as decimal(24, 6)) as amount,
    state,
    required_by_date,
    recurrence,
    matched_transaction_id,
    is_open,
    is_due,
    flow_source
from {{ ref("int_cash_flows__expected") }}
