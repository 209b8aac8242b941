-- Tax lots that have not followed their position within the days that a transfer of them takes.
select
    'lots_arrive_in_time' as rule,
    account_id,
    security_id,
    custodian,
    source_file_id,
    source_row_number,
    pending_days || ' days without lots, since ' || strftime(pending_since_date, '%Y-%m-%d') as observed,
    'The holding has stood without tax lots for longer than a transfer takes; ask the custodian, or the one '
    || 'that delivered it, for its lots. It is not sold until they are here.' as message
from {{ ref("int_positions__pending") }}
where pending_days > {{ policy_number("lots_pending_days") }}
