select
    security_id,
    id_type,
    upper(trim(id_value)) as id_value,
    coalesce(trim(custodian), '') as custodian
from {{ source("raw", "security_registry") }}
