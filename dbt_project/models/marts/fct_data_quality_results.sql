with tonight as (
    select
        scope,
        scope_id,
        rule,
        cast(
            row_number() over (
                partition by scope, scope_id, rule
                order by source_file_id, source_row_number, observed, message
            ) as integer
        ) as occurrence,
        severity,
        false as is_passed,
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
        who_must_act
    from {{ ref("violations") }}
    where as_of_date = {{ as_of_date() }}
    union all by name
    select
        'book' as scope,
        'book' as scope_id,
        catalogue.rule,
        cast(1 as integer) as occurrence,
        catalogue.severity,
        true as is_passed,
        'no violation' as observed,
        catalogue.expected,
        'The rule holds everywhere in the book.' as message,
        catalogue.who_must_act
    from {{ ref("seed_data_quality_rules") }} as catalogue
    where
        catalogue.rule not in (
            select violations.rule
            from {{ ref("violations") }} as violations
            where violations.as_of_date = {{ as_of_date() }}
        )
),

-- The session before this one that the table knows: since when a result stands.
earlier as (
    {% if is_incremental() -%}
        select
            scope,
            scope_id,
            rule,
            occurrence,
            is_passed,
            status_date
        from {{ this }}
        where
            as_of_date = (
                select max(known.as_of_date) from {{ this }} as known
                where known.as_of_date < {{ as_of_date() }}
            )
    {%- else -%}
        select
            scope,
            scope_id,
            rule,
            occurrence,
            is_passed,
            {{ as_of_date() }} as status_date
        from tonight
        where false
    {%- endif %}
)

select
    {{ as_of_date() }} as as_of_date,
    tonight.scope,
    tonight.scope_id,
    tonight.rule,
    tonight.occurrence,
    tonight.severity,
    tonight.is_passed,
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
    coalesce(earlier.status_date, {{ as_of_date() }}) as status_date
from tonight
left join earlier
    on
        tonight.scope = earlier.scope
        and tonight.scope_id = earlier.scope_id
        and tonight.rule = earlier.rule
        and tonight.occurrence = earlier.occurrence
        and tonight.is_passed = earlier.is_passed
