-- Tonight's violations under keys that stay the same from night to night, so that what stands can be
-- followed: what it is about, the rule, and a number among those that agree in both. Files and rows are no
-- part of the key, every night has its own; of the firm's own files, which stay until a newer one
-- comes, what was found tells one broken row from another.
with told as (
    select
        *,
        concat_ws(
            '|',
            scope,
            scope_id,
            rule,
            coalesce(entity, ''),
            coalesce(account_id, ''),
            coalesce(security_id, ''),
            coalesce(lot_id, ''),
            case when feed = 'policy_files' or custodian = 'POLICY' then coalesce(observed, '') else '' end
        ) as thing
    from {{ ref("violations") }}
    where as_of_date = {{ as_of_date() }}
)

select
    left(md5(thing || '|' || row_number() over same_thing), 16) as exception_key,
    -- Accepted, it is no longer open; a hint to nobody was never an exception.
    severity in ('block', 'warn') as is_open,
    rule,
    severity,
    raised_severity,
    scope,
    scope_id,
    household_id,
    account_id,
    security_id,
    lot_id,
    custodian,
    feed,
    entity,
    file_name,
    source_file_id,
    source_row_number,
    observed,
    expected,
    message,
    who_must_act,
    override_id,
    override_reason,
    override_approved_by,
    override_expires_date
from told
window same_thing as (
    partition by thing
    -- Every column that may differ: of rows that agree in all of them it does not matter which is first.
    order by
        observed, source_row_number, source_file_id, message, file_name, feed, custodian, household_id,
        expected, severity, raised_severity, who_must_act, override_id
)
