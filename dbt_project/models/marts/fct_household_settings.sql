-- Every setting that holds in a household and where it comes from: its own files, the firm's file, or the
-- default that is documented with the setting. What a target or an account says for itself stands beside
-- them. A value of the household's own that cannot be used stands as it was written: it is not replaced.
with files as (
    select
        source_file_id,
        min(file_name) as file_name
    from {{ ref("stg_source_files") }}
    where feed = 'policy_files'
    group by source_file_id
),

broken as (
    select
        source_file_id,
        source_row_number,
        string_agg(distinct rule, ' ') as rules
    from {{ ref("stg_contract_violations") }}
    where feed = 'policy_files' and severity = 'block'
    group by source_file_id, source_row_number
),

households as (
    {% for setting in household_settings() -%}
        {% set file = setting["file"] -%}
        select
            resolved.household_id,
            'household' as subject_type,
            resolved.household_id as subject,
            '{{ setting["name"] }}' as setting,
            coalesce(
                list_filter(
                    {{ file }}.rejected_values, rejected -> rejected.column_name = '{{ setting["name"] }}'
                )[1].value,
                {{ setting_text("resolved." ~ setting["name"], setting["kind"]) }}
            ) as setting_value,
            '{{ setting["unit"] }}' as unit,
            coalesce(
                {{ file }}.{{ setting["name"] }} is not null
                or len(
                    list_filter(
                        {{ file }}.rejected_values, rejected -> rejected.column_name = '{{ setting["name"] }}'
                    )
                ) > 0,
                false
            ) as is_own,
            {{ file }}.source_file_id,
            {{ file }}.source_row_number
        from {{ ref("int_household_settings__resolved") }} as resolved
        left join {{ ref("stg_" ~ file) }} as {{ file }} on resolved.household_id = {{ file }}.household_id
        union all
    {% endfor -%}
    select
        household_id,
        'household' as subject_type,
        household_id as subject,
        'annual_gains_budget' as setting,
        coalesce(
            list_filter(rejected_values, rejected -> rejected.column_name = 'annual_gains_budget')[1].value,
            {{ setting_text("annual_gains_budget", "number") }}
        ) as setting_value,
        'dollars a year' as unit,
        setting_value is not null as is_own,
        source_file_id,
        source_row_number
    from {{ ref("stg_households") }}
),

-- Only what targets and accounts state themselves: what they leave open is the household's.
targets as (
    {% for name, kind, unit in [
        ("absolute_band", "number", "share of the base"),
        ("relative_band", "number", "share of the target"),
        ("band_rule", "word", "word"),
        ("band_floor", "number", "share of the base"),
        ("check_frequency", "word", "word"),
    ] -%}
        select
            allocation_groups.household_id,
            'target' as subject_type,
            -- A row that names no target is refused, not left out: its file says where it stands.
            targets.allocation_group_id
            || ' '
            || coalesce(targets.target_key, 'row ' || targets.source_row_number) as subject,
            '{{ name }}' as setting,
            {{ setting_text("targets." ~ name, kind) }} as setting_value,
            '{{ unit }}' as unit,
            true as is_own,
            targets.source_file_id,
            targets.source_row_number
        from {{ ref("stg_ips_targets") }} as targets
        inner join {{ ref("stg_allocation_groups") }} as allocation_groups
            on targets.allocation_group_id = allocation_groups.allocation_group_id
        where targets.{{ name }} is not null
        {% if not loop.last %}union all
        {% endif %}
    {%- endfor %}
),

accounts as (
    select
        settings.household_id,
        'account' as subject_type,
        account_references.account_id as subject,
        'lot_method' as setting,
        settings.lot_method as setting_value,
        'word' as unit,
        true as is_own,
        settings.source_file_id,
        settings.source_row_number
    from {{ ref("stg_account_settings") }} as settings
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            settings.custodian = account_references.custodian
            and settings.account_number = account_references.account_number
    where settings.lot_method is not null and settings.household_id is not null
),

told as (
    select * from households
    union all
    select * from targets
    union all
    select * from accounts
)

select distinct
    {{ as_of_date() }} as as_of_date,
    told.household_id,
    told.subject_type,
    told.subject,
    told.setting,
    told.setting_value,
    told.unit,
    case
        when told.is_own then told.subject_type
        when contains(',' || {{ policy_text("settings_stated_by_firm") }} || ',', ',' || told.setting || ',')
            then 'firm'
        else 'built_in'
    end as origin,
    case
        when told.is_own then files.file_name
        when origin = 'firm' then 'firm_policy.yaml'
    end as source_file_name,
    case when told.is_own then told.source_file_id end as source_file_id,
    case when told.is_own then told.source_row_number end as source_row_number,
    coalesce(not told.is_own or not contains(broken.rules, told.setting || '_'), true) as is_usable
from told
left join files on told.source_file_id = files.source_file_id
left join broken
    on
        told.source_file_id = broken.source_file_id
        and told.source_row_number = broken.source_row_number
