-- Everything that is wrong tonight, whatever people have decided about it: contract violations of the
-- readers and rules of the book, resolved to account, security, lot and household. A contract violation
-- of a row finds its ids through the row; one whose row was not loaded, through the account it names.
with rules as (
    {% for model in [
        "closed_lots", "distributions",
        "feeds", "accounts", "positions", "lots", "late_lots", "lot_facts", "values", "policy", "changes", "deliveries",
        "securities", "cross_checks", "prices",
    ] -%}
        select * from {{ ref("int_rules__" ~ model) }}
        {% if not loop.last %}union all by name
        {% endif %}
    {%- endfor %}
),

judged as (
    select
        rules.rule,
        catalogue.severity,
        catalogue.scope,
        catalogue.is_uncertain,
        catalogue.is_acceptable,
        rules.account_id,
        rules.security_id,
        rules.lot_id,
        rules.household_id,
        rules.custodian,
        rules.feed,
        rules.source_file_id,
        rules.source_row_number,
        rules.observed,
        catalogue.expected,
        -- A row without the id that its message names is told all the same; it must not stop the night.
        coalesce(
            rules.message,
            'The rule ' || rules.rule
            || ' is broken by a row that does not say what it is about; correct the file.'
        ) as message,
        replace(catalogue.reason, '{observed}', coalesce(rules.observed, '')) as reason,
        catalogue.who_must_act,
        'book' as found_by
    from rules
    inner join {{ ref("seed_data_quality_rules") }} as catalogue on rules.rule = catalogue.rule
),

rows_of_files as (
    select
        violations.source_file_id,
        violations.source_row_number,
        violations.entity,
        min(lots.account_id) as account_id,
        min(lots.security_id) as security_id,
        min(lots.lot_id) as lot_id
    from {{ ref("stg_contract_violations") }} as violations
    inner join {{ ref("int_lots__keyed") }} as lots
        on
            violations.source_file_id = lots.source_file_id
            and violations.source_row_number = lots.source_row_number
    where violations.entity = 'tax_lots'
    group by violations.source_file_id, violations.source_row_number, violations.entity
    union all
    select
        violations.source_file_id,
        violations.source_row_number,
        violations.entity,
        min(account_references.account_id) as account_id,
        min(identified.security_id) as security_id,
        cast(null as varchar) as lot_id
    from {{ ref("stg_contract_violations") }} as violations
    inner join {{ ref("stg_positions") }} as positions
        on
            violations.source_file_id = positions.source_file_id
            and violations.source_row_number = positions.source_row_number
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            positions.custodian = account_references.custodian
            and positions.account_number = account_references.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on positions.security_key = identified.security_key
    where violations.entity = 'positions'
    group by violations.source_file_id, violations.source_row_number, violations.entity
),

set_aside as (
    select
        account_id,
        source_file_id
    from {{ ref("int_accounts__deliveries") }}
    group by account_id, source_file_id
    having not bool_or(is_source_of_facts)
),

contract_violations as (
    select
        violations.rule,
        case
            when
                violations.severity = 'block'
                and (not coalesce(policy_rows.is_in_force, true) or set_aside.account_id is not null)
                then 'warn'
            else violations.severity
        end as severity,
        -- What cannot be narrowed to a lot or a position quarantines the account.
        case
            -- The rules of the book know what a broken row of these restricts or taxes, and stop just that.
            when violations.feed = 'policy_files' and violations.entity in ('restrictions', 'tax_profiles')
                then 'feed'
            when violations.scope = 'lot' and rows_of_files.lot_id is not null then 'lot'
            when
                violations.scope in ('lot', 'position') and rows_of_files.security_id is not null
                then 'position'
            when
                violations.scope in ('lot', 'position')
                and violations.severity = 'block'
                and account_references.account_id is not null
                then 'account'
            else violations.scope
        end as scope,
        violations.scope in ('account', 'position', 'lot')
        and coalesce(violations.feed, '') <> 'policy_files' as is_uncertain,
        -- What a row that was not loaded holds back nobody knows: the file has to be corrected.
        violations.severity <> 'block' as is_acceptable,
        coalesce(rows_of_files.account_id, policy_rows.account_id, account_references.account_id)
            as account_id,
        rows_of_files.security_id,
        case when violations.scope = 'lot' then rows_of_files.lot_id end as lot_id,
        coalesce(policy_rows.household_id, violations.household_id) as household_id,
        violations.custodian,
        violations.feed,
        violations.entity,
        violations.file_name,
        violations.source_file_id,
        violations.source_row_number,
        violations.observed,
        violations.expected,
        violations.message,
        case
            when violations.feed = 'policy_files' then 'what the firm''s own file says of it'
            else 'what the custodian sent'
        end
        || ' breaks the rule "' || replace(violations.rule, '_', ' ') || '"' as reason,
        violations.who_must_act,
        'contract' as found_by
    from {{ ref("stg_contract_violations") }} as violations
    left join rows_of_files
        on
            violations.source_file_id = rows_of_files.source_file_id
            and violations.source_row_number = rows_of_files.source_row_number
            and violations.entity = rows_of_files.entity
    left join {{ ref("int_policy_rows__resolved") }} as policy_rows
        on
            violations.source_file_id = policy_rows.source_file_id
            and violations.source_row_number = policy_rows.source_row_number
            and violations.entity = policy_rows.entity
    left join {{ ref("int_account_references__resolved") }} as account_references
        on
            violations.custodian = account_references.custodian
            and violations.account_number = account_references.account_number
    -- What a file says wrong of an account is no danger where another file's word holds.
    left join set_aside
        on
            violations.source_file_id = set_aside.source_file_id
            and coalesce(rows_of_files.account_id, account_references.account_id) = set_aside.account_id
            and violations.scope in ('lot', 'position', 'account')
),

files as (
    select
        source_file_id,
        min(file_name) as file_name
    from {{ ref("stg_source_files") }}
    group by source_file_id
),

told as (
    select
        judged.*,
        files.file_name,
        -- Names the file, the row and what the sentence is about, as the readers' own messages do.
        coalesce(
            files.file_name || coalesce(', row ' || judged.source_row_number, '') || ': ', ''
        )
        || coalesce(
            coalesce(securities.ticker, securities.security_name, securities.cusip, judged.security_id)
            || ' in ' || {{ account_label("accounts") }} || ': ',
            {{ account_label("accounts") }} || ': ',
            ''
        )
        || judged.message as full_message
    from judged
    left join files on judged.source_file_id = files.source_file_id
    left join {{ ref("int_accounts__identified") }} as accounts on judged.account_id = accounts.account_id
    left join
        {{ ref("int_securities__described") }} as securities
        on judged.security_id = securities.security_id
    -- What a contract already said of a row is not said twice.
    where
        not (
            ends_with(judged.rule, '_can_be_read')
            and (judged.source_file_id, judged.source_row_number) in (
                select (violations.source_file_id, violations.source_row_number)
                from {{ ref("stg_contract_violations") }} as violations
                where violations.severity = 'block' and violations.source_row_number is not null
            )
        )
),

everything as (
    select
        * exclude (message, full_message),
        full_message as message
    from told
    union all by name
    select * from contract_violations
)

select
    row_number() over () as violation_number,
    everything.rule,
    everything.severity,
    everything.scope,
    case everything.scope
        when 'lot' then coalesce(everything.lot_id, everything.account_id, everything.custodian)
        when 'position'
            then
                coalesce(
                    everything.account_id || ':' || everything.security_id,
                    everything.security_id,
                    everything.account_id,
                    everything.custodian,
                    'unknown'
                )
        when 'account' then coalesce(everything.account_id, everything.custodian, 'unknown')
        when 'household' then coalesce(everything.household_id, accounts.household_id, 'unknown')
        else coalesce(everything.custodian, 'unknown') || ':' || coalesce(everything.feed, 'unknown')
    end as scope_id,
    coalesce(everything.household_id, accounts.household_id) as household_id,
    everything.account_id,
    everything.security_id,
    everything.lot_id,
    everything.custodian,
    everything.feed,
    everything.entity,
    everything.file_name,
    everything.source_file_id,
    everything.source_row_number,
    everything.observed,
    everything.expected,
    everything.message,
    everything.reason,
    everything.who_must_act,
    everything.is_uncertain,
    everything.is_acceptable,
    everything.found_by
from everything
left join {{ ref("int_accounts__identified") }} as accounts on everything.account_id = accounts.account_id
