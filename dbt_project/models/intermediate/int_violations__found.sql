-- Everything wrong tonight as it stands after the decisions of people: what an override accepts is kept
-- and told, and stops nothing. Overrides that do not hold are themselves told.
with accepted as (
    select
        violations.rule,
        violations.severity as raised_severity,
        case when overrides.override_id is null then violations.severity else 'info' end as severity,
        violations.scope,
        violations.scope_id,
        violations.household_id,
        violations.account_id,
        violations.security_id,
        violations.lot_id,
        violations.custodian,
        violations.feed,
        violations.entity,
        violations.file_name,
        violations.source_file_id,
        violations.source_row_number,
        violations.observed,
        violations.expected,
        violations.message,
        violations.reason,
        violations.who_must_act,
        violations.is_uncertain,
        violations.found_by,
        overrides.override_id,
        overrides.reason as override_reason,
        overrides.approved_by as override_approved_by,
        overrides.expires_date as override_expires_date
    from {{ ref("int_violations__raised") }} as violations
    left join {{ ref("int_overrides__accepted") }} as overrides
        on violations.violation_number = overrides.violation_number
),

files as (
    select
        source_file_id,
        min(file_name) as file_name
    from {{ ref("stg_source_files") }}
    group by source_file_id
),

idle_overrides as (
    select
        *,
        case override_state
            when 'unusable' then 'override_can_be_used'
            when 'not_in_force' then 'override_is_in_force'
            when 'unknown_thing' then 'override_names_a_known_thing'
            when 'not_acceptable' then 'override_rule_may_be_accepted'
            when 'contradicted' then 'overrides_agree'
            when 'not_needed' then 'override_is_needed'
        end as broken_rule
    from {{ ref("int_overrides__judged") }}
    where override_state <> 'used'
)

select
    rule,
    raised_severity,
    severity,
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
    reason,
    who_must_act,
    is_uncertain,
    found_by,
    override_id,
    override_reason,
    override_approved_by,
    override_expires_date
from accepted
union all by name
select
    overrides.broken_rule as rule,
    catalogue.severity,
    catalogue.severity as raised_severity,
    catalogue.scope,
    'POLICY:policy_files' as scope_id,
    overrides.household_id,
    overrides.account_id,
    overrides.security_id,
    cast(null as varchar) as lot_id,
    'POLICY' as custodian,
    overrides.feed,
    'overrides' as entity,
    files.file_name,
    overrides.source_file_id,
    overrides.source_row_number,
    coalesce(overrides.override_id, 'row ' || overrides.source_row_number) as observed,
    catalogue.expected,
    coalesce(files.file_name || ', ', '')
    || 'row ' || overrides.source_row_number
    || ': the override ' || coalesce(overrides.override_id, 'without an id')
    || ' has no effect: ' || overrides.state_reason || '. '
    || case
        when overrides.override_state in ('not_in_force', 'not_needed')
            then 'End it, or renew it if it is still wanted.'
        else 'Correct its row, or delete it.'
    end as message,
    catalogue.reason,
    catalogue.who_must_act,
    catalogue.is_uncertain,
    'book' as found_by,
    cast(null as varchar) as override_id,
    cast(null as varchar) as override_reason,
    cast(null as varchar) as override_approved_by,
    cast(null as date) as override_expires_date
from idle_overrides as overrides
inner join {{ ref("seed_data_quality_rules") }} as catalogue on overrides.broken_rule = catalogue.rule
left join files on overrides.source_file_id = files.source_file_id
