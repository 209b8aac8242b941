-- What is open tonight and since when, and what was closed of late and by what. An exception keeps its
-- opening date as long as no night passes without it; a night whose files do not show the account is none.
{% set not_looked_at = "' It could not be looked at since: the account waits for a file.'" %}
with custodian_files as (
    select
        custodian,
        md5(string_agg(distinct source_file_id, ',' order by source_file_id)) as files_hash
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }} and feed <> 'policy_files'
    group by custodian
    union all
    select
        'every custodian' as custodian,
        md5(string_agg(distinct source_file_id, ',' order by source_file_id)) as files_hash
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }} and feed <> 'policy_files'
),

policy_files as (
    select md5(string_agg(in_force.source_file_id, ',' order by in_force.entity)) as files_hash
    from (
        select
            files.entity,
            files.source_file_id
        from {{ ref("stg_source_files") }} as files
        where files.feed = 'policy_files'
        qualify
            row_number() over (
                partition by files.entity
                order by files.as_of_date desc, files.received_at desc, files.source_file_id desc
            ) = 1
    ) as in_force
),

-- Overrides that state something about a lot, which may be what released it.
stated_lots as (
    select
        lot_id,
        override_id
    from {{ ref("int_lots__keyed") }}
    where override_id is not null
),

known as (
    select *
    from {{ ref("int_exceptions__before") }}
    where
        exception_state = 'open'
        -- What an earlier version of tonight's night closed was open on the night before.
        or (is_same_session and closed_date = {{ as_of_date() }} and opened_date < {{ as_of_date() }})
    qualify row_number() over (partition by exception_key order by opened_date) = 1
),

open_tonight as (
    select
        exceptions.exception_key,
        coalesce(known.opened_date, {{ as_of_date() }}) as opened_date,
        'open' as exception_state,
        cast(null as date) as closed_date,
        cast(null as varchar) as closed_by,
        coalesce(known.age_sessions, 0)
        + case when known.is_same_session and known.exception_state = 'open' then 0 else 1 end
            as age_sessions,
        date_diff('day', coalesce(known.opened_date, {{ as_of_date() }}), {{ as_of_date() }}) as age_days,
        exceptions.rule,
        exceptions.severity,
        exceptions.scope,
        exceptions.scope_id,
        exceptions.who_must_act,
        exceptions.household_id,
        exceptions.account_id,
        exceptions.security_id,
        exceptions.lot_id,
        exceptions.custodian,
        exceptions.feed,
        exceptions.file_name,
        exceptions.source_file_id,
        exceptions.source_row_number,
        exceptions.observed,
        exceptions.expected,
        exceptions.message,
        valued.market_value_held_up,
        stated_lots.override_id,
        coalesce(custodian_files.files_hash, 'none') as custodian_files_hash,
        coalesce(policy_files.files_hash, 'none') as policy_files_hash
    from {{ ref("int_exceptions__keyed") }} as exceptions
    left join known on exceptions.exception_key = known.exception_key
    left join {{ ref("int_exceptions__valued") }} as valued
        on exceptions.exception_key = valued.exception_key
    left join stated_lots on exceptions.lot_id = stated_lots.lot_id
    left join custodian_files
        on coalesce(exceptions.custodian, 'every custodian') = custodian_files.custodian
    cross join policy_files
    where exceptions.is_open
),

-- Accounts of which the files of tonight do not show what they hold: nothing found is not nothing wrong.
unseen_accounts as (
    select account_id
    from {{ ref("int_accounts__states") }}
    where
        account_state = 'waiting_for_feed'
        and (is_absent or regexp_matches(missing_entities, 'positions|tax lots|cash balances'))
),

gone as (
    select
        before.*,
        unseen_accounts.account_id is not null as is_unseen,
        accepted.override_id as accepting_override_id,
        -- Only one that was not there while the exception was open can have closed it.
        case
            when coalesce(stated_lots.override_id <> before.override_id, true) then stated_lots.override_id
        end as stating_override_id,
        coalesce(custodian_files.files_hash, 'none') <> before.custodian_files_hash as has_other_files,
        coalesce(policy_files.files_hash, 'none') <> before.policy_files_hash as has_other_policy_files,
        -- What operations do not settle with the custodian is settled in the firm's own files.
        coalesce(
            before.custodian = 'POLICY'
            or (before.who_must_act <> 'operations' and before.scope in ('account', 'household')),
            false
        ) as is_of_policy
    from {{ ref("int_exceptions__before") }} as before
    left join {{ ref("int_exceptions__keyed") }} as accepted
        on before.exception_key = accepted.exception_key and accepted.override_id is not null
    left join stated_lots on before.scope = 'lot' and before.lot_id = stated_lots.lot_id
    left join custodian_files on coalesce(before.custodian, 'every custodian') = custodian_files.custodian
    left join unseen_accounts on before.account_id = unseen_accounts.account_id
    cross join policy_files
    where
        case
            when before.exception_state = 'open' or before.closed_date = {{ as_of_date() }}
                then before.exception_key not in (select open_tonight.exception_key from open_tonight)
            else before.sessions_since_closing <= 30
        end
),

judged as (
    select
        *,
        -- Nobody settled it, and tonight it could not be looked at: it is as open as it was.
        is_unseen
        and (exception_state = 'open' or closed_date = {{ as_of_date() }})
        and coalesce(accepting_override_id, stating_override_id) is null
        and not (has_other_policy_files and is_of_policy) as is_carried
    from gone
),

carried as (
    select
        judged.exception_key,
        judged.opened_date,
        'open' as exception_state,
        cast(null as date) as closed_date,
        cast(null as varchar) as closed_by,
        judged.age_sessions
        + case when judged.is_same_session and judged.exception_state = 'open' then 0 else 1 end
            as age_sessions,
        date_diff('day', judged.opened_date, {{ as_of_date() }}) as age_days,
        judged.rule,
        judged.severity,
        judged.scope,
        judged.scope_id,
        judged.who_must_act,
        judged.household_id,
        judged.account_id,
        judged.security_id,
        judged.lot_id,
        judged.custodian,
        judged.feed,
        judged.file_name,
        judged.source_file_id,
        judged.source_row_number,
        judged.observed,
        judged.expected,
        judged.message
        || case
            when contains(judged.message, {{ not_looked_at }}) then ''
            else {{ not_looked_at }}
        end as message,
        judged.market_value_held_up,
        judged.override_id,
        coalesce(custodian_files.files_hash, 'none') as custodian_files_hash,
        coalesce(policy_files.files_hash, 'none') as policy_files_hash
    from judged
    left join custodian_files on coalesce(judged.custodian, 'every custodian') = custodian_files.custodian
    cross join policy_files
    where judged.is_carried
),

closed as (
    select
        exception_key,
        opened_date,
        'closed' as exception_state,
        coalesce(closed_date, {{ as_of_date() }}) as closed_date,
        case
            when closed_by is not null then closed_by
            when coalesce(accepting_override_id, stating_override_id) is not null then 'override'
            -- Between two nights the custodian's files are other ones by their nature; within one they are
            -- other ones because somebody has sent them again.
            when is_same_session and (has_other_files or has_other_policy_files) then 'corrected_file'
            when has_other_policy_files and is_of_policy then 'corrected_file'
            else 'rule_no_longer_broken'
        end as closed_by,
        age_sessions,
        date_diff('day', opened_date, coalesce(closed_date, {{ as_of_date() }})) as age_days,
        rule,
        severity,
        scope,
        scope_id,
        who_must_act,
        household_id,
        account_id,
        security_id,
        lot_id,
        custodian,
        feed,
        file_name,
        source_file_id,
        source_row_number,
        observed,
        expected,
        message,
        cast(0 as decimal(24, 6)) as market_value_held_up,
        case
            when closed_by is not null then override_id
            else coalesce(accepting_override_id, stating_override_id)
        end as override_id,
        custodian_files_hash,
        policy_files_hash
    from judged
    where not is_carried
),

everything as (
    select * from open_tonight
    union all by name
    select * from carried
    union all by name
    select * from closed
),

-- What one delivery breaks in one way on one night is of one cause, and mended once: a file that was cut
-- leaves as many rows as it lacks. What an advisor settles is settled household by household.
alike as (
    select
        *,
        concat_ws(
            '|',
            exception_state,
            coalesce(strftime(closed_date, '%Y-%m-%d'), ''),
            coalesce(closed_by, ''),
            strftime(opened_date, '%Y-%m-%d'),
            rule,
            severity,
            coalesce(who_must_act, ''),
            coalesce(custodian, ''),
            coalesce(feed, ''),
            coalesce(source_file_id, ''),
            case when who_must_act = 'operations' then '' else coalesce(household_id, '') end
        ) as delivery_rule
    from everything
),

counted as (
    select
        *,
        count(*) over (partition by delivery_rule) as alike_count
    from alike
),

caused as (
    select
        * exclude (delivery_rule, alike_count),
        left(
            md5(
                case
                    -- Fewer are looked at one by one as fast.
                    when alike_count >= 10 then delivery_rule
                    else exception_key || '|' || strftime(opened_date, '%Y-%m-%d')
                end
            ),
            16
        ) as cause_key,
        cast(case when alike_count >= 10 then alike_count else 1 end as integer) as cause_rows
    from counted
),

-- Two findings about one thing hold up its money once.
things as (
    select
        cause_key,
        scope_id,
        case when count(market_value_held_up) = count(*) then max(market_value_held_up) end
            as market_value_held_up
    from caused
    group by cause_key, scope_id
),

amounts as (
    select
        cause_key,
        case when count(market_value_held_up) = count(*) then sum(market_value_held_up) end
            as market_value_held_up
    from things
    group by cause_key
)

select
    {{ as_of_date() }} as as_of_date,
    caused.exception_key,
    caused.opened_date,
    caused.exception_state,
    cast(caused.age_sessions as integer) as age_sessions,
    cast(caused.age_days as integer) as age_days,
    caused.closed_date,
    caused.closed_by,
    caused.rule,
    caused.severity,
    caused.scope,
    caused.scope_id,
    caused.who_must_act,
    caused.household_id,
    caused.account_id,
    caused.security_id,
    caused.lot_id,
    caused.custodian,
    caused.feed,
    caused.file_name,
    caused.source_file_id,
    caused.source_row_number,
    caused.observed,
    caused.expected,
    caused.message,
    caused.market_value_held_up,
    caused.override_id,
    caused.custodian_files_hash,
    caused.policy_files_hash,
    caused.cause_key,
    caused.cause_rows,
    cast(amounts.market_value_held_up as decimal(24, 6)) as cause_market_value_held_up
from caused
inner join amounts on caused.cause_key = amounts.cause_key
