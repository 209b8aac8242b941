-- Rules about the firm's own files: targets that add up, names that exist, one row for one thing.
with targets as (
    select
        targets.*,
        allocation_groups.household_id
    from {{ ref("int_targets__banded") }} as targets
    left join {{ ref("stg_allocation_groups") }} as allocation_groups
        on targets.allocation_group_id = allocation_groups.allocation_group_id
),

managed_groups as (
    select distinct
        allocation_group_id,
        household_id
    from {{ ref("int_accounts__identified") }}
    where allocation_group_id is not null and is_in_policy and account_status <> 'closed'
),

sums as (
    select
        allocation_group_id,
        household_id,
        sum(target_weight) as total_weight
    from targets
    where target_level = 'class'
    group by allocation_group_id, household_id
),

broken as (
    select
        'targets_sum_to_one' as rule,
        household_id,
        total_weight::varchar as observed,
        'The targets of ' || allocation_group_id || ' add up to ' || total_weight
        || ', not to 1; correct the ips_targets file. The household is withheld from trading.' as message
    from sums
    where abs(total_weight - 1) > 0.0001
    union all by name
    select
        'group_has_targets' as rule,
        managed_groups.household_id,
        managed_groups.allocation_group_id as observed,
        'The allocation group '
        || managed_groups.allocation_group_id
        || ' has no targets; add them to the ips_targets file. The household is withheld from '
        || 'trading.' as message
    from managed_groups
    left join sums on managed_groups.allocation_group_id = sums.allocation_group_id
    where sums.allocation_group_id is null
    union all by name
    select
        'target_levels_agree' as rule,
        household_id,
        'stated ' || stated_weight || ', parts ' || derived_weight as observed,
        'The target of '
        || target_key
        || ' in '
        || allocation_group_id
        || ' is less than the targets beneath it add up to; correct the ips_targets file. The household is '
        || 'withheld from trading.' as message
    from targets
    -- Targets beneath may leave a part of the class open, but not ask for more than it has.
    where derived_weight > stated_weight + 0.0001
    union all by name
    select
        'target_key_is_known' as rule,
        household_id,
        target_level || ' ' || target_key as observed,
        'The target names ' || target_key || ', which is no ' || replace(target_level, '_', '-')
        || ' that is known; correct the ips_targets file. The household is withheld from trading.' as message
    from targets
    where not is_key_known
    union all by name
    select
        'group_belongs_to_household' as rule,
        managed_groups.household_id,
        managed_groups.allocation_group_id || ' of ' || allocation_groups.household_id as observed,
        'An account of this household is in an allocation group of another; correct the account_settings '
        || 'or the allocation_groups file. The household is withheld from trading.' as message
    from managed_groups
    inner join {{ ref("stg_allocation_groups") }} as allocation_groups
        on managed_groups.allocation_group_id = allocation_groups.allocation_group_id
    where managed_groups.household_id <> allocation_groups.household_id
    union all by name
    select
        'firm_mapping_adds_up' as rule,
        coalesce(classifications.ticker, classifications.cusip) as observed,
        'The classes of ' || coalesce(classifications.ticker, classifications.cusip)
        || ' in the security_classifications file do not add up to 1 or name an unknown class; correct '
        || 'them. The security is unmapped until then.' as message,
        min(classifications.feed) as feed,
        min(classifications.source_file_id) as source_file_id,
        min(classifications.source_row_number) as source_row_number
    from {{ ref("stg_security_classifications") }} as classifications
    left join {{ ref("seed_asset_classes") }} as asset_classes
        on classifications.asset_class = asset_classes.asset_class
    group by coalesce(classifications.ticker, classifications.cusip)
    having
        not bool_and(asset_classes.asset_class is not null and classifications.weight is not null)
        or abs(sum(classifications.weight) - 1) > 0.000001
    union all by name
    select
        'buy_list_names_a_known_class' as rule,
        model_securities.asset_class as observed,
        'The buy list names the class '
        || model_securities.asset_class
        || ', which is not known; correct the model_securities file. The entry is not used.' as message,
        model_securities.feed,
        model_securities.source_file_id,
        model_securities.source_row_number
    from {{ ref("stg_model_securities") }} as model_securities
    left join {{ ref("seed_asset_classes") }} as asset_classes
        on model_securities.asset_class = asset_classes.asset_class
    where asset_classes.asset_class is null
    union all by name
    select
        'restriction_names_a_known_thing' as rule,
        restriction_id || ': ' || scope as observed,
        'The restriction '
        || restriction_id
        || ' names a '
        || scope
        || ' that is not known, so it restricts nothing; correct the restrictions file.' as message,
        feed,
        source_file_id,
        source_row_number
    from {{ ref("int_restrictions__expanded") }}
    where not is_scope_known
    {% for model, key in {
        "stg_households": "household_id",
        "stg_allocation_groups": "allocation_group_id",
        "stg_account_settings": "custodian || ' ' || " ~ masked_number("account_number"),
        "stg_ips_targets": "allocation_group_id || ' ' || target_key",
        "stg_tax_profiles": "tax_unit_id || ' ' || tax_year",
        "stg_restrictions": "restriction_id",
        "stg_cash_flows": "cash_flow_id",
    }.items() -%}
        union all by name
        select
            'policy_row_is_single' as rule,
            {{ key }} as observed,
            'The {{ model | replace("stg_", "") }} file has '
            || rows_in_force
            || ' rows in force for '
            || {{ key }}
            || '; end the older one with a valid_to date. The newest is used.' as message,
            feed,
            source_file_id,
            source_row_number
        from {{ ref(model) }}
        where rows_in_force > 1
    {% endfor %}
)

select
    rule,
    household_id,
    'POLICY' as custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken
