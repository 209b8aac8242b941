with received as (
    {{ policy_rows_in_force("account_references") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        upper(trim(custodian)) as custodian,
        {{ as_text("account_reference") }} as account_reference,
        {{ as_text("account_number") }} as account_number
    from received
)

select
    *,
    count(*) over (partition by custodian, account_reference) as rows_in_force,
    -- A reference that means two accounts means none.
    min(account_number) over (partition by custodian, account_reference)
    <> max(account_number) over (partition by custodian, account_reference) as is_contradictory
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by custodian, account_reference
        order by valid_from desc, source_row_number desc
    ) = 1
