{% set casts = {
    "birth_date": "date",
    "death_date": "date",
} %}

with received as (
    select * from {{ source("raw", "persons") }}
    where as_of_date = {{ as_of_date() }}
)

select
    custodian,
    feed,
    source_file_id,
    source_row_number,
    {{ as_text("person_id") }} as person_id,
    {{ as_text("display_name") }} as display_name,
    {{ cast_columns(casts) }},
    {{ rejected_values(casts) }}
from received
