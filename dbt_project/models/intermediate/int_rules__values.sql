-- Text that could not be cast to a number, date or truth value, with the row it stands in.
{% set sources = {
    "stg_positions": "position_values_can_be_read",
    "stg_tax_lots": "lot_values_can_be_read",
    "stg_cash_balances": "cash_values_can_be_read",
    "stg_open_orders": "order_values_can_be_read",
    "stg_transactions": "activity_values_can_be_read",
    "stg_closed_lots": "activity_values_can_be_read",
    "stg_accounts": "reference_values_can_be_read",
    "stg_persons": "reference_values_can_be_read",
    "stg_securities": "reference_values_can_be_read",
    "stg_prices": "reference_values_can_be_read",
    "stg_fx_rates": "reference_values_can_be_read",
} %}
{% set policies = {
    "stg_households": "household_policy_can_be_read",
    "stg_allocation_groups": "household_policy_can_be_read",
    "stg_ips_targets": "household_policy_can_be_read",
    "stg_cash_flows": "cash_flow_can_be_read",
    "stg_model_securities": "reference_values_can_be_read",
    "stg_security_custodians": "reference_values_can_be_read",
    "stg_security_classifications": "reference_values_can_be_read",
    "stg_restrictions": "reference_values_can_be_read",
    "stg_expected_feeds": "reference_values_can_be_read",
} %}
{% set with_account = [
    "stg_positions", "stg_tax_lots", "stg_cash_balances", "stg_open_orders", "stg_transactions",
    "stg_closed_lots", "stg_accounts", "stg_cash_flows",
] %}
{% set with_security = ["stg_positions", "stg_tax_lots"] %}

with rejected as (
    {% for model, rule in sources.items() -%}
        select
            '{{ rule }}' as rule,
            '{{ model | replace("stg_", "") }}' as entity,
            custodian,
            cast({{ "account_number" if model in with_account else "null" }} as varchar) as account_number,
            cast({{ "security_key" if model in with_security else "null" }} as varchar) as security_key,
            cast(null as varchar) as household_id,
            feed,
            source_file_id,
            source_row_number,
            rejected_values
        from {{ ref(model) }}
        where rejected_values is not null
        union all
    {% endfor -%}
    {% for model, rule in policies.items() -%}
        select
            '{{ rule }}' as rule,
            '{{ model | replace("stg_", "") }}' as entity,
            {{ "policies.custodian" if model in with_account else "'POLICY'" }} as custodian,
            {{ "policies.account_number" if model in with_account else "null" }} as account_number,
            null as security_key,
            {% if model in ["stg_households", "stg_allocation_groups"] -%}
                policies.household_id,
            {%- elif model == "stg_ips_targets" -%}
                allocation_groups.household_id,
            {%- else -%}
                cast(null as varchar) as household_id,
            {%- endif %}
            policies.feed,
            policies.source_file_id,
            policies.source_row_number,
            policies.rejected_values
        from {{ ref(model) }} as policies
        {% if model == "stg_ips_targets" -%}
            left join {{ ref("stg_allocation_groups") }} as allocation_groups
                on policies.allocation_group_id = allocation_groups.allocation_group_id
        {% endif -%}
        where policies.rejected_values is not null
        {% if not loop.last %}union all
        {% endif %}
    {%- endfor %}
),

listed as (
    select
        * exclude (rejected_values),
        unnest(rejected_values) as rejected
    from rejected
),

-- A person's name and dates are not quoted: file and row say where they stand.
quoted as (
    select
        listed.*,
        case
            when not ({{ is_personal_column("listed.rejected.column_name") }}) then listed.rejected.value
        end as rejected_value
    from listed
)

select
    quoted.rule,
    account_references.account_id,
    identified.security_id,
    lots.lot_id,
    quoted.household_id,
    quoted.custodian,
    quoted.feed,
    quoted.source_file_id,
    quoted.source_row_number,
    quoted.rejected.column_name || ' = ' || coalesce(quoted.rejected_value, 'a personal value') as observed,
    'The ' || quoted.rejected.column_name || coalesce(' ' || quoted.rejected_value, '') || ' in the '
    || quoted.entity || ' file cannot be read; ask the sender for a corrected row. It is taken as unknown, '
    || 'not as nothing.' as message
from quoted
left join {{ ref("int_account_references__resolved") }} as account_references
    on
        quoted.custodian = account_references.custodian
        and quoted.account_number = account_references.account_number
left join {{ ref("int_securities__identified") }} as identified
    on quoted.security_key = identified.security_key
left join {{ ref("int_lots__keyed") }} as lots
    on
        quoted.rule = 'lot_values_can_be_read'
        and quoted.source_file_id = lots.source_file_id
        and quoted.source_row_number = lots.source_row_number
        and account_references.account_id = lots.account_id
        and identified.security_id = lots.security_id
