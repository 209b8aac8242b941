select
    account_id,
    upper(trim(custodian)) as custodian,
    trim(account_number) as account_number
from {{ source("raw", "account_registry") }}
