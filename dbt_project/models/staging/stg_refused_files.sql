-- What tonight's refused files would have delivered, of feeds whose one file holds several entities.
select distinct
    files.custodian,
    files.feed,
    files.feed_role,
    entities.entity
from {{ source("ops", "source_files") }} as files
inner join {{ source("ops", "file_entities") }} as entities
    on
        files.as_of_date = entities.as_of_date
        and files.source_file_id = entities.source_file_id
        -- The same bytes may come from two custodians.
        and files.custodian = entities.custodian
        and files.feed = entities.feed
where files.as_of_date = {{ as_of_date() }} and files.status = 'QUARANTINED'
