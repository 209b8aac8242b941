-- What was received and used, up to the session: a file that was refused, is a copy of another one or is
-- superseded by a later one delivers nothing.
select
    files.as_of_date,
    files.source_file_id,
    files.custodian,
    files.feed,
    files.file_name,
    files.received_at,
    files.delivery_mode,
    files.feed_role,
    files.covered_from_date,
    files.covered_to_date,
    entities.entity,
    entities.row_count
from {{ source("ops", "source_files") }} as files
inner join {{ source("ops", "file_entities") }} as entities
    on
        files.as_of_date = entities.as_of_date
        and files.source_file_id = entities.source_file_id
        -- The same bytes may come from two custodians.
        and files.custodian = entities.custodian
        and files.feed = entities.feed
where files.as_of_date <= {{ as_of_date() }} and files.status = 'LOADED'
