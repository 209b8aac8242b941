-- What became of every override tonight: how often it was used, or why it was not.
with used as (
    select
        source_file_id,
        source_row_number,
        count(*) as used_count
    from {{ ref("int_overrides__accepted") }}
    group by source_file_id, source_row_number
),

judged as (
    select
        overrides.*,
        lots.received_values[overrides.column_name] as received_value,
        lots.lot_id is not null as is_lot_known,
        case
            when overrides.problem is not null then 0
            when overrides.override_type = 'set_value' then cast(lots.lot_id is not null as integer)
            else coalesce(used.used_count, 0)
        end as used_count
    from {{ ref("int_overrides__resolved") }} as overrides
    left join used
        on
            overrides.source_file_id = used.source_file_id
            and overrides.source_row_number = used.source_row_number
    left join {{ ref("int_lots__keyed") }} as lots on overrides.lot_id = lots.lot_id
)

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
    source_row_number,
    received_value,
    is_lot_known,
    used_count,
    case
        when problem is not null then problem
        when lot_id is not null and not is_lot_known then 'unknown_thing'
        when used_count > 0 then 'used'
        when override_type = 'accept' then 'not_needed'
    end as override_state,
    case
        when problem is not null then problem_reason
        when lot_id is not null and not is_lot_known then 'tonight''s files hold no lot ' || lot_id
        when used_count = 0 and not is_rule_of_the_book
            then 'the rule is not broken where it says, or the file that breaks it has to be corrected'
        when used_count = 0 then 'the rule is not broken where it says'
    end as state_reason
from judged
