-- All violations of the night: those found in files and accounts, and households withheld because too
-- much of their value is uncertain.
with uncertain_households as (
    select
        'household_value_is_certain' as rule,
        household_id,
        round(uncertain_weight * 100, 1) || ' %' as observed,
        household_name
        || ': '
        || state_reason
        || ' Settle the violations of its accounts; the household is withheld '
        || 'from trading.' as message
    from {{ ref("int_households__states") }}
    where household_state = 'withheld' and (is_too_uncertain or not is_counted_value_known)
)

select
    {{ as_of_date() }} as as_of_date,
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
from {{ ref("int_violations__found") }}
union all by name
select
    {{ as_of_date() }} as as_of_date,
    uncertain_households.rule,
    catalogue.severity,
    catalogue.severity as raised_severity,
    catalogue.scope,
    uncertain_households.household_id as scope_id,
    uncertain_households.household_id,
    uncertain_households.observed,
    catalogue.expected,
    uncertain_households.message,
    catalogue.who_must_act
from uncertain_households
inner join {{ ref("seed_data_quality_rules") }} as catalogue on uncertain_households.rule = catalogue.rule
