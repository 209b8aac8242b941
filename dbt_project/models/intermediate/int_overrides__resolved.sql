-- Every override of the firm's newest file, resolved to ids, and what stands against it. What does not
-- say who decided, why and until when, or whom it is about, is no override. The lot is checked later
-- (int_overrides__judged): the ids of lots are made downstream, where stated values are applied.
with overrides as (
    select * from {{ ref("stg_overrides") }}
),

-- The registry knows every number and ticker that a file names, a misspelled one of this file included.
-- Known is what a custodian sends tonight, or what the firm has settings for.
known_accounts as (
    select
        account_references.custodian,
        account_references.account_number,
        account_references.account_id
    from {{ ref("int_account_references__resolved") }} as account_references
    inner join {{ ref("int_accounts__identified") }} as accounts
        on account_references.account_id = accounts.account_id
    where not account_references.is_ambiguous
),

account_matches as (
    select
        overrides.source_file_id,
        overrides.source_row_number,
        count(distinct known_accounts.account_id) as account_count,
        min(known_accounts.account_id) as account_id
    from overrides
    inner join known_accounts
        on
            overrides.account_number = known_accounts.account_number
            and (overrides.custodian is null or overrides.custodian = known_accounts.custodian)
    group by overrides.source_file_id, overrides.source_row_number
),

known_securities as (
    select identified.security_id
    from {{ ref("int_securities__identified") }} as identified
    where
        identified.is_resolved
        and identified.security_key in (
            {% for entity in ["positions", "tax_lots", "securities", "prices", "open_orders"] -%}
                select {{ entity }}.security_key from {{ ref("stg_" ~ entity) }} as {{ entity }}
                {% if not loop.last %}union
                {% endif %}
            {%- endfor %}
        )
),

-- Rules of the book, of the contracts, and whatever tonight's files are told to break.
known_rules as (
    select catalogue.rule from {{ ref("seed_data_quality_rules") }} as catalogue
    union
    select contracts.rule from {{ source("ops", "contract_rules") }} as contracts
    union
    select violations.rule from {{ ref("stg_contract_violations") }} as violations
),

unknown_rules as (
    select distinct overrides.rule
    from overrides
    where overrides.rule is not null and overrides.rule not in (select known.rule from known_rules as known)
),

-- The three names that a misspelled one is nearest to.
ranked_names as (
    select
        unknown_rules.rule,
        known_rules.rule as near_rule,
        row_number() over (
            partition by unknown_rules.rule
            order by
                jaro_winkler_similarity(
                    lower(regexp_replace(trim(unknown_rules.rule), '[ -]+', '_', 'g')), known_rules.rule
                ) desc,
                known_rules.rule asc
        ) as place
    from unknown_rules
    cross join known_rules
),

near_rules as (
    select
        rule,
        string_agg(near_rule, ' or ' order by place) as near_names
    from ranked_names
    where place <= 3
    group by rule
),

identified as (
    select
        overrides.*,
        near_rules.near_names,
        accounts.account_count,
        case when accounts.account_count = 1 then accounts.account_id end as account_id,
        coalesce(by_cusip.security_id, by_ticker.security_id) as security_id,
        overrides.ticker is not null or overrides.cusip is not null as names_security,
        -- Two identifiers that mean different securities mean none.
        coalesce(by_cusip.security_id <> by_ticker.security_id, false) as is_security_contradicted,
        households.household_id is not null as is_household_known,
        catalogue.rule is not null as is_rule_of_the_book,
        coalesce(catalogue.is_acceptable, true) as is_acceptable,
        {{ as_money("overrides.value") }} as value_as_money,
        cast(try_strptime(trim(overrides.value), '%Y-%m-%d') as date) as value_as_date,
        case
            when upper(trim(overrides.value)) in ('COVERED', 'NONCOVERED')
                then upper(trim(overrides.value))
        end as value_as_covered_status
    from overrides
    left join account_matches as accounts
        on
            overrides.source_file_id = accounts.source_file_id
            and overrides.source_row_number = accounts.source_row_number
    left join {{ ref("stg_security_registry") }} as by_cusip
        on overrides.cusip = by_cusip.id_value and by_cusip.id_type = 'CUSIP'
    left join {{ ref("stg_security_registry") }} as by_ticker
        on overrides.ticker = by_ticker.id_value and by_ticker.id_type = 'TICKER'
    left join {{ ref("stg_households") }} as households on overrides.household_id = households.household_id
    left join {{ ref("seed_data_quality_rules") }} as catalogue on overrides.rule = catalogue.rule
    left join near_rules on overrides.rule = near_rules.rule
),

-- The lot as the marts name it; a person may leave the account's own part of the id to account_number.
keyed as (
    select
        * exclude (lot_id),
        case
            when lot_id is null or account_id is null or starts_with(lot_id, account_id || ':') then lot_id
            else account_id || ':' || lot_id
        end as lot_id
    from identified
),

judged as (
    select
        *,
        case
            when
                override_id is null or reason is null or approved_by is null or expires_date is null
                or has_unreadable_validity
                then 'it must have an id, a reason, a name and readable dates'
            when
                override_type is null or override_type not in ('accept', 'set_value')
                then 'its type must be accept or set_value'
            when override_type = 'accept' and rule is null
                then 'it must name the rule that it accepts'
            when
                override_type = 'accept'
                and household_id is null
                and account_number is null
                and lot_id is null
                and not names_security
                and custodian is null
                then 'it must name a household, account, security, lot or custodian'
            when override_type = 'set_value' and lot_id is null
                then 'it must name the lot whose value it states'
            when
                override_type = 'set_value'
                and coalesce(
                    column_name not in (
                        'cost_basis', 'cost_basis_unadjusted', 'acquisition_date',
                        'holding_period_start_date', 'covered_status'
                    ),
                    true
                )
                then
                    'its column must be one of cost_basis, cost_basis_unadjusted, acquisition_date, '
                    || 'holding_period_start_date, covered_status'
            when
                override_type = 'set_value'
                and case
                    when column_name in ('cost_basis', 'cost_basis_unadjusted') then value_as_money is null
                    when column_name = 'covered_status' then value_as_covered_status is null
                    else value_as_date is null
                end
                then 'its value cannot be read'
            when
                override_type = 'set_value' and value_as_date > {{ as_of_date() }}
                and column_name in ('acquisition_date', 'holding_period_start_date')
                then 'its value is a date in the future'
        end as unusable_because,
        case
            when expires_date < {{ as_of_date() }}
                then 'it held until ' || strftime(expires_date, '%Y-%m-%d')
            when is_in_the_future
                then 'it holds only from ' || strftime(valid_from, '%Y-%m-%d')
        end as not_in_force_because,
        case
            when override_type = 'accept' and near_names is not null
                then 'no rule is called ' || rule || '; near to it are ' || near_names
            when household_id is not null and not is_household_known
                then 'no household has the id ' || household_id
            when account_number is not null and account_id is null and account_count > 1
                then 'more than one custodian has an account with its number'
            when account_number is not null and account_id is null
                then 'no account of the book has its number'
            when is_security_contradicted
                then 'its ticker and its CUSIP are of different securities'
            when
                names_security
                and coalesce(
                    security_id not in (select known.security_id from known_securities as known), true
                )
                then 'no file names the security ' || coalesce(ticker, cusip)
        end as unknown_because
    from keyed
),

named as (
    select
        *,
        case
            when unusable_because is not null then 'unusable'
            when not_in_force_because is not null then 'not_in_force'
            when unknown_because is not null then 'unknown_thing'
            when override_type = 'accept' and not is_acceptable then 'not_acceptable'
        end as own_problem
    from judged
),

contradictions as (
    select
        lot_id,
        column_name
    from named
    where own_problem is null and override_type = 'set_value'
    group by lot_id, column_name
    having
        count(
            distinct case
                when column_name in ('cost_basis', 'cost_basis_unadjusted')
                    then cast(value_as_money as varchar)
                else coalesce(cast(value_as_date as varchar), value_as_covered_status)
            end
        ) > 1
)

select
    named.override_id,
    named.override_type,
    named.rule,
    named.household_id,
    named.custodian,
    named.account_id,
    named.security_id,
    named.lot_id,
    named.column_name,
    named.value,
    named.value_as_money,
    named.value_as_date,
    named.value_as_covered_status,
    named.reason,
    named.approved_by,
    named.expires_date,
    named.valid_from,
    named.valid_to,
    named.is_rule_of_the_book,
    coalesce(named.own_problem, case when contradictions.lot_id is not null then 'contradicted' end)
        as problem,
    case
        when named.own_problem = 'unusable' then named.unusable_because
        when named.own_problem = 'not_in_force' then named.not_in_force_because
        when named.own_problem = 'unknown_thing' then named.unknown_because
        when named.own_problem = 'not_acceptable'
            then 'the rule ' || named.rule || ' may not be accepted: correct the file or state the value'
        when contradictions.lot_id is not null
            then 'another override states another ' || named.column_name || ' for the lot'
    end as problem_reason,
    named.feed,
    named.source_file_id,
    named.source_row_number
from named
left join contradictions
    on
        named.override_type = 'set_value'
        and named.own_problem is null
        and named.lot_id = contradictions.lot_id
        and named.column_name = contradictions.column_name
