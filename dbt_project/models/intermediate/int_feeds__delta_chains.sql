-- Chains of files of changes that a link is missing from: what they add up to is not what the custodian
-- holds. A chain needs a full file and, from there on, one file on every session.
with chains as (
    select distinct
        custodian,
        feed,
        entity,
        last_full_date
    from {{ ref("stg_delivery_files") }}
    where is_chain
),

sessions as (
    {{ recent_sessions() }} as session_date
),

known as (
    select min(session_date) as first_session_date from sessions
)

select
    chains.custodian,
    chains.feed,
    chains.entity,
    chains.last_full_date,
    sessions.session_date as missing_session
from chains
inner join known on chains.last_full_date >= known.first_session_date
inner join sessions on chains.last_full_date < sessions.session_date
left join {{ ref("stg_delivery_files") }} as files
    on
        chains.custodian = files.custodian
        and chains.feed = files.feed
        and chains.entity = files.entity
        and sessions.session_date = files.as_of_date
where files.source_file_id is null
union all
-- No full file, or one so long ago that nobody can say whether a session is missing.
select
    chains.custodian,
    chains.feed,
    chains.entity,
    chains.last_full_date,
    cast(null as date) as missing_session
from chains
cross join known
where coalesce(chains.last_full_date < known.first_session_date, true)
