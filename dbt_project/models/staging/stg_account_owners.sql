with received as (
    select * from {{ source("raw", "account_owners") }}
    where as_of_date = {{ as_of_date() }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_text("account_number") }} as account_number,
    {{ as_text("person_id") }} as person_id,
    lower({{ as_text("owner_role") }}) as owner_role
from received
