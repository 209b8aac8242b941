-- What every rule found: each violation, what an override accepts among them; for each rule without one
-- that it holds, and for which custodians; and, rule by rule, the custodians that could not be asked tonight.
with answers as (
    select
        rule,
        bool_and(asked_account_count = account_count) as is_whole,
        string_agg(
            custodian
            || case
                when asked_account_count < account_count
                    then ' (' || asked_account_count || ' of ' || account_count || ' accounts)'
                else ''
            end,
            ', '
            order by custodian
        ) filter (where asked_account_count > 0) as custodians
    from {{ ref("int_rules__asked") }}
    group by rule
),

-- Where something was found, something was asked.
broken as (
    select distinct
        exceptions.rule,
        coalesce(accounts.custodian, exceptions.custodian) as custodian
    from {{ ref("int_exceptions__keyed") }} as exceptions
    left join {{ ref("int_accounts__identified") }} as accounts on exceptions.account_id = accounts.account_id
),

tonight as (
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
        true as is_passed,
        'passed' as outcome,
        'no violation' as observed,
        catalogue.expected,
        case
            when coalesce(answers.is_whole, true) then 'The rule holds everywhere in the book.'
            else 'The rule holds for: ' || answers.custodians || '.'
        end as message,
        catalogue.who_must_act
    from {{ ref("seed_data_quality_rules") }} as catalogue
    left join answers on catalogue.rule = answers.rule
    where
        catalogue.rule not in (select keyed.rule from {{ ref("int_exceptions__keyed") }} as keyed)
        and (answers.rule is null or answers.custodians is not null)
    union all by name
    select
        'custodian' as scope,
        asked.custodian as scope_id,
        asked.rule,
        'custodian|' || asked.custodian || '|' || asked.rule as exception_key,
        cast(1 as integer) as occurrence,
        catalogue.severity,
        cast(null as boolean) as is_passed,
        'not_evaluated' as outcome,
        catalogue.expected,
        asked.custodian || ': ' || asked.reason as message,
        asked.custodian,
        catalogue.who_must_act
    from {{ ref("int_rules__asked") }} as asked
    inner join {{ ref("seed_data_quality_rules") }} as catalogue on asked.rule = catalogue.rule
    left join broken
        on
            asked.rule = broken.rule
            and asked.custodian = broken.custodian
    where asked.asked_account_count = 0 and broken.rule is null
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
