with files as (
    select
        source_file_id,
        min(file_name) as file_name
    from {{ ref("stg_source_files") }}
    group by source_file_id
)

select
    {{ as_of_date() }} as as_of_date,
    positions.account_id,
    positions.security_id,
    positions.source_file_id,
    positions.source_row_number,
    positions.custodian,
    positions.feed,
    files.file_name,
    positions.quantity
from {{ ref("int_positions__sources") }} as positions
left join files on positions.source_file_id = files.source_file_id
