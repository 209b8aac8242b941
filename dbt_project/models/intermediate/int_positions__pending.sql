-- Taxable holdings whose tax lots have not followed yet, and since when. It is no error while a transfer is
-- under way; it ages, and after some days somebody is asked.
with earlier as (
    {{ rows_as_they_stand(
        "fct_data_quality_results",
        {
            "as_of_date": "date",
            "scope_id": "varchar",
            "rule": "varchar",
            "is_passed": "boolean",
            "status_date": "date",
        }
    ) }}
),

last_night as (
    select
        earlier.scope_id,
        min(earlier.status_date) as status_date
    from earlier
    where
        earlier.as_of_date = (
            select max(known.as_of_date) from earlier as known
            where known.as_of_date < {{ as_of_date() }}
        )
        and earlier.rule = 'taxable_position_has_lots'
        and not earlier.is_passed
    group by earlier.scope_id
)

select
    pending.account_id,
    pending.security_id,
    pending.custodian,
    pending.source_file_id,
    pending.source_row_number,
    coalesce(last_night.status_date, {{ as_of_date() }}) as pending_since_date,
    date_diff('day', coalesce(last_night.status_date, {{ as_of_date() }}), {{ as_of_date() }})
        as pending_days
from {{ ref("int_rules__lots") }} as pending
left join last_night on pending.account_id || ':' || pending.security_id = last_night.scope_id
where pending.rule = 'taxable_position_has_lots'
