-- What readers, contracts and the registry found wrong in tonight's files.
select
    custodian,
    feed,
    entity,
    file_name,
    source_file_id,
    source_row_number,
    rule,
    severity,
    scope,
    account_number,
    security_key,
    lot_key,
    household_id,
    observed,
    expected,
    message,
    who_must_act
from {{ source("ops", "contract_violations") }}
where as_of_date = {{ as_of_date() }}
union all by name
select
    security_key,
    rule,
    'warn' as severity,
    'position' as scope,
    observed,
    expected,
    message,
    'operations' as who_must_act
from {{ source("ops", "identity_findings") }}
where as_of_date = {{ as_of_date() }}
