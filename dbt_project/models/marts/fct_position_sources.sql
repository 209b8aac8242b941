with files as (
    select
        source_file_id,
        min(file_name) as file_name
    from {{ ref("stg_source_files") }}
    group by source_file_id
)

select
    {{ as_of_date() }} as as_of_date,
    account_references.account_id,
    identified.security_id,
    positions.source_file_id,
    positions.source_row_number,
    positions.custodian,
    positions.feed,
    files.file_name,
    positions.quantity
from {{ ref("stg_positions") }} as positions
inner join {{ ref("int_account_references__resolved") }} as account_references
    on
        positions.custodian = account_references.custodian
        and positions.account_number = account_references.account_number
inner join {{ ref("int_securities__identified") }} as identified
    on positions.security_key = identified.security_key
left join files on positions.source_file_id = files.source_file_id
