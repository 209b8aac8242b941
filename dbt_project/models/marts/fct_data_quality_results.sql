-- What every rule found: each violation, what an override accepts among them, and for each rule without
-- one whether it held everywhere or could not be asked tonight.
with tonight as (
    select
        scope,
        scope_id,
        rule,
        exception_key,
        cast(row_number() over (partition by scope, scope_id, rule order by exception_key) as integer)
            as occurrence,
        severity,
        false as is_passed,
        case when override_id is null then 'broken' else 'accepted' end as outcome,
        observed,
        expected,
        message,
        household_id,
        account_id,
        security_id,
        lot_id,
        custodian,
        feed,
        file_name,
        source_file_id,
        source_row_number,
        who_must_act,
        override_id,
        override_reason,
        override_approved_by,
        override_expires_date
    from {{ ref("int_exceptions__keyed") }}
    union all by name
    select
        'book' as scope,
        'book' as scope_id,
        catalogue.rule,
        'book|' || catalogue.rule as exception_key,
        cast(1 as integer) as occurrence,
        catalogue.severity,
        case when unanswered.rule is null then true end as is_passed,
        case when unanswered.rule is null then 'passed' else 'not_evaluated' end as outcome,
        case when unanswered.rule is null then 'no violation' end as observed,
        catalogue.expected,
        coalesce(unanswered.reason, 'The rule holds everywhere in the book.') as message,
        catalogue.who_must_act
    from {{ ref("seed_data_quality_rules") }} as catalogue
    left join {{ ref("int_rules__not_evaluated") }} as unanswered on catalogue.rule = unanswered.rule
    where catalogue.rule not in (select keyed.rule from {{ ref("int_exceptions__keyed") }} as keyed)
),

-- The session before this one that the table knows: since when a result stands.
nights as (
    {{ rows_as_they_stand(
        "fct_data_quality_results",
        {
            "as_of_date": "date",
            "exception_key": "varchar",
            "outcome": "varchar",
            "status_date": "date",
        }
    ) }}
),

earlier as (
    select
        exception_key,
        outcome,
        status_date
    from nights
    where
        as_of_date = (
            select max(known.as_of_date) from nights as known
            where known.as_of_date < {{ as_of_date() }}
        )
)

select
    {{ as_of_date() }} as as_of_date,
    tonight.scope,
    tonight.scope_id,
    tonight.rule,
    tonight.occurrence,
    tonight.severity,
    tonight.is_passed,
    tonight.outcome,
    tonight.observed,
    tonight.expected,
    tonight.message,
    tonight.household_id,
    tonight.account_id,
    tonight.security_id,
    tonight.lot_id,
    tonight.custodian,
    tonight.feed,
    tonight.file_name,
    tonight.source_file_id,
    tonight.source_row_number,
    tonight.who_must_act,
    coalesce(earlier.status_date, {{ as_of_date() }}) as status_date,
    tonight.exception_key,
    tonight.override_id,
    tonight.override_reason,
    tonight.override_approved_by,
    tonight.override_expires_date
from tonight
left join earlier
    on
        tonight.exception_key = earlier.exception_key
        and tonight.outcome = earlier.outcome
