select
    {{ as_of_date() }} as as_of_date,
    person_id,
    display_name,
    birth_date,
    death_date
from {{ ref("stg_persons") }}
where person_id is not null
-- Two custodians may send the same person; the one whose row says more is kept.
qualify
    row_number() over (
        partition by person_id
        order by
            (birth_date is null)::integer + (display_name is null)::integer,
            custodian,
            source_file_id,
            source_row_number
    ) = 1
