-- The overrides that hold tonight.
select
    override_id,
    override_type,
    rule,
    household_id,
    custodian,
    account_id,
    security_id,
    lot_id,
    column_name,
    value,
    value_as_money,
    value_as_date,
    value_as_covered_status,
    reason,
    approved_by,
    expires_date,
    valid_from,
    valid_to,
    is_rule_of_the_book,
    feed,
    source_file_id,
    source_row_number
from {{ ref("int_overrides__resolved") }}
where problem is null
