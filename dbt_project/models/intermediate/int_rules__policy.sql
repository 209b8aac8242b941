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

taxable_accounts as (
    select
        account_id,
        household_id,
        tax_unit_id,
        is_tradable
    from {{ ref("int_accounts__identified") }}
    where is_in_policy and account_status <> 'closed' and coalesce(tax_treatment, 'taxable') = 'taxable'
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
    select distinct
        case
            when is_scope_known then 'restriction_can_be_applied'
            when scope <> 'firm' and account_id is not null then 'restriction_of_account_can_be_applied'
            when scope <> 'firm' and household_id is not null then 'restriction_of_household_can_be_applied'
            else 'restriction_names_a_known_thing'
        end as rule,
        case when not is_scope_known then household_id end as household_id,
        case when not is_scope_known then account_id end as account_id,
        restriction_id || ': ' || coalesce(scope, 'no scope') as observed,
        'The restriction ' || coalesce(restriction_id, 'without an id')
        || case problem
            when 'scope' then ' has a scope that is not known'
            when 'subject' then ' names a ' || scope || ' that is not known'
            when 'type' then ' is of a type that is not known'
            when 'limit' then ' caps a weight but has no limit that can be read'
            else ' names a security that nothing else in the book knows'
        end
        || case
            when is_scope_known and problem = 'scope'
                then ' and names nobody, so it is applied to the whole firm'
            when is_scope_known and security_id is null
                then ', so nothing is bought or sold in the whole firm'
            when is_scope_known and lot_id is not null
                then ', so its lot is not sold'
            when is_scope_known
                then ', so its security is neither bought nor sold in the whole firm'
            when scope <> 'firm' and account_id is not null
                then ', so nothing is bought or sold in the account'
            when scope <> 'firm' and household_id is not null
                then ', so the household is withheld from trading'
            when scope = 'firm'
                then ', so nothing that is held or on the buy list can be it and it restricts nothing'
            else ', and no household, person or account of the book goes by its id, so it restricts nothing'
        end
        || '; correct the restrictions file.' as message,
        feed,
        source_file_id,
        source_row_number
    from {{ ref("int_restrictions__expanded") }}
    where problem is not null
    union all by name
    select
        'target_is_stated_once' as rule,
        allocation_groups.household_id,
        targets.allocation_group_id || ' ' || targets.target_key as observed,
        'The ips_targets file has '
        || targets.rows_in_force
        || ' rows in force for '
        || targets.target_key
        || ' in '
        || targets.allocation_group_id
        || '; end the older ones with a valid_to date. The household is withheld from trading, as which '
        || 'of them holds is not known.' as message,
        targets.feed,
        targets.source_file_id,
        targets.source_row_number
    from {{ ref("stg_ips_targets") }} as targets
    left join {{ ref("stg_allocation_groups") }} as allocation_groups
        on targets.allocation_group_id = allocation_groups.allocation_group_id
    where targets.rows_in_force > 1
    union all by name
    select
        'settings_name_a_known_household' as rule,
        settings.household_id as observed,
        'The household_settings file has settings for ' || settings.household_id
        || ', which no row of the households file names; correct the household_id or add the household.'
            as message,
        settings.feed,
        settings.source_file_id,
        settings.source_row_number
    from {{ ref("stg_household_settings") }} as settings
    left join {{ ref("stg_households") }} as households on settings.household_id = households.household_id
    -- The contract tells of a row without a household.
    where households.household_id is null and settings.household_id is not null
    union all by name
    select
        'after_tax_basis_has_a_retirement_rate' as rule,
        accounts.household_id,
        coalesce(accounts.tax_unit_id, 'no tax unit') as observed,
        'Household ' || accounts.household_id || ' counts its weights after tax, and '
        || coalesce(
            'the tax profile of ' || accounts.tax_unit_id || ' states',
            'the account '
            || case when accounts.tax_unit_id is null then accounts.account_id end
            || ' has no tax return that would state'
        )
        || ' no expected_retirement_rate (a share from 0 to under 1) for the year of the trade; state it in '
        || 'the tax_profiles file. No rate is assumed: the household is withheld from trading.' as message,
        min(profiles.feed) as feed,
        min(profiles.source_file_id) as source_file_id,
        min(profiles.source_row_number) as source_row_number
    from {{ ref("int_accounts__identified") }} as accounts
    inner join {{ ref("int_accounts__basis") }} as basis
        on accounts.account_id = basis.account_id
    left join {{ ref("stg_tax_profiles") }} as profiles
        on
            accounts.tax_unit_id = profiles.tax_unit_id
            and profiles.tax_year = year({{ planned_trade_date() }})
    where
        accounts.tax_treatment = 'tax_deferred'
        and accounts.counts_toward_allocation
        and accounts.is_in_policy
        and accounts.account_status <> 'closed'
        and basis.basis_factor is null
    group by
        accounts.household_id,
        accounts.tax_unit_id,
        case when accounts.tax_unit_id is null then accounts.account_id end
    union all by name
    select
        'household_has_accounts' as rule,
        households.household_id,
        'no account' as observed,
        'No account of the account_settings file names the household; add its accounts or end the household '
        || 'in the households file. Nothing is planned for it.' as message,
        households.feed,
        households.source_file_id,
        households.source_row_number
    from {{ ref("stg_households") }} as households
    where
        households.household_id not in (
            select settings.household_id from {{ ref("stg_account_settings") }} as settings
            where settings.household_id is not null
        )
    union all by name
    select
        'tax_profile_can_be_used' as rule,
        accounts.household_id,
        accounts.account_id,
        coalesce(
            array_to_string(
                list_transform(
                    profiles.rejected_values, rejected -> rejected.column_name || ' = ' || rejected.value
                ),
                ', '
            ),
            'filing_status = ' || coalesce(profiles.filing_status, '')
        ) as observed,
        'The tax profile of ' || profiles.tax_unit_id
        || ' has a value that cannot be read, so the tax of a sale is not known; correct the tax_profiles '
        || 'file. Taxable accounts of this tax return are not traded until then.' as message,
        profiles.feed,
        profiles.source_file_id,
        profiles.source_row_number
    from {{ ref("stg_tax_profiles") }} as profiles
    inner join taxable_accounts as accounts on profiles.tax_unit_id = accounts.tax_unit_id
    where
        coalesce(profiles.tax_year, year({{ planned_trade_date() }})) = year({{ planned_trade_date() }})
        and (
            profiles.rejected_values is not null
            or coalesce(profiles.filing_status not in ('single', 'MFJ', 'MFS', 'HoH'), true)
        )
    union all by name
    select
        'taxable_account_has_a_tax_profile' as rule,
        accounts.household_id,
        accounts.account_id,
        case
            when accounts.tax_unit_id is null then 'no tax unit'
            when profiles.tax_unit_id is null then 'no tax profile of the year'
            else 'income or state rate not stated'
        end as observed,
        'The tax profile that the account needs for the year of the trade is missing or lacks the income or '
        || 'the state rate, so the tax of a sale is not known; complete the tax_profiles file. Nothing that '
        || 'would realise a gain or loss is sold until then.' as message,
        profiles.feed,
        profiles.source_file_id,
        profiles.source_row_number
    from taxable_accounts as accounts
    left join {{ ref("stg_tax_profiles") }} as profiles
        on
            accounts.tax_unit_id = profiles.tax_unit_id
            and profiles.tax_year = year({{ planned_trade_date() }})
    where
        accounts.is_tradable
        and (
            profiles.tax_unit_id is null
            or (
                profiles.rejected_values is null
                and (
                    profiles.ordinary_taxable_income is null
                    or profiles.magi is null
                    or profiles.state_rate is null
                )
            )
        )
    {% for model, key in {
        "stg_households": "household_id",
        "stg_household_settings": "household_id",
        "stg_allocation_groups": "allocation_group_id",
        "stg_account_settings": "custodian || ' ' || " ~ masked_number("account_number"),
        "stg_tax_profiles": "tax_unit_id || ' ' || tax_year",
        "stg_restrictions": "restriction_id",
        "stg_cash_flows": "cash_flow_id",
    }.items() -%}
        union all by name
        select
            'policy_row_is_single' as rule,
            {{ "household_id" if model in ["stg_households", "stg_household_settings",
                "stg_allocation_groups", "stg_account_settings", "stg_tax_profiles"] else "cast(null as varchar)" }} as household_id,
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
    account_id,
    'POLICY' as custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken
