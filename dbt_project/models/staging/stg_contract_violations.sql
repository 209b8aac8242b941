-- What readers, contracts and the registry found wrong in tonight's files. Their sentences quote the
-- files, account numbers included: every number of the registry that stands in them, and the one the
-- row is about, is masked here, so that nothing behind this model holds one but the key itself. A person's
-- name and dates are not quoted either.
{% set told = ["lot_key", "observed", "expected", "message"] %}

with received as (
    select
        custodian,
        feed,
        entity,
        file_name,
        source_file_id,
        source_row_number,
        rule,
        severity,
        scope,
        account_number,
        security_key,
        lot_key,
        household_id,
        observed,
        expected,
        message,
        who_must_act
    from {{ source("ops", "contract_violations") }}
    where
        as_of_date = {{ as_of_date() }}
        -- A policy file holds until the next one arrives, and with it what is wrong in it.
        or (
            feed = 'policy_files'
            and (as_of_date, source_file_id) in (
                select (files.as_of_date, files.source_file_id)
                from {{ ref("stg_source_files") }} as files
                where files.feed = 'policy_files'
                qualify
                    row_number() over (
                        partition by files.entity
                        order by files.as_of_date desc, files.received_at desc, files.source_file_id desc
                    ) = 1
            )
        )
    union all by name
    select
        security_key,
        rule,
        'warn' as severity,
        'position' as scope,
        observed,
        expected,
        message,
        'operations' as who_must_act
    from {{ source("ops", "identity_findings") }}
    where as_of_date = {{ as_of_date() }}
),

violations as materialized (
    select
        * replace (
            {{ without_personal_values("observed") }} as observed,
            {{ without_personal_cells(
                "case when observed <> '' then replace(message, observed, "
                ~ without_personal_values("observed") ~ ") else message end"
            ) }} as message
        ),
        row_number() over () as violation_number
    from received
),

words as (
    select
        violation_number,
        unnest(
            list_concat(
                [account_number],
                regexp_extract_all(concat_ws(' ', {{ told | join(", ") }}), '[0-9A-Za-z]+'),
                regexp_extract_all(concat_ws(' ', {{ told | join(", ") }}), '[0-9A-Za-z-]+')
            )
        ) as word,
        account_number
    from violations
),

registered as (
    select distinct account_number from {{ ref("stg_account_registry") }}
),

-- Longest first: one number may stand inside another.
quoted as (
    select
        words.violation_number,
        list(distinct words.word order by length(words.word) desc, words.word asc) as account_numbers
    from words
    left join registered on words.word = registered.account_number
    where
        (words.word = words.account_number or registered.account_number is not null)
        and length(words.word) > 6
        and not regexp_matches(words.word, '^[Xx*.]{2}')
    group by words.violation_number
)

select
    violations.custodian,
    violations.feed,
    violations.entity,
    violations.file_name,
    violations.source_file_id,
    violations.source_row_number,
    violations.rule,
    violations.severity,
    violations.scope,
    violations.account_number,
    violations.security_key,
    violations.household_id,
    violations.who_must_act,
    {% for column in told -%}
        {{ with_masked_numbers("violations." ~ column, "quoted.account_numbers") }} as {{ column }}
        {%- if not loop.last %}, {% endif %}
    {% endfor %}
from violations
left join quoted on violations.violation_number = quoted.violation_number
