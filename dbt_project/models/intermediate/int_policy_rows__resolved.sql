-- Whom a policy row is about that breaks its contract, and whether it is in force tonight: the reader
-- of a policy file knows neither households of groups nor accounts.
with broken_rows as (
    select distinct
        entity,
        source_file_id,
        source_row_number
    from {{ ref("stg_contract_violations") }}
    where feed = 'policy_files' and source_row_number is not null
)

select
    policy_rows.entity,
    policy_rows.source_file_id,
    policy_rows.source_row_number,
    min(
        coalesce(
            policy_rows.household_id,
            allocation_groups.household_id,
            accounts.household_id,
            restrictions.household_id,
            restricted_accounts.household_id
        )
    ) as household_id,
    min(account_references.account_id) as account_id,
    bool_or(
        coalesce(try_cast(policy_rows.valid_from as date), {{ as_of_date() }}) <= {{ as_of_date() }}
        and coalesce(try_cast(nullif(trim(policy_rows.valid_to), '') as date), {{ as_of_date() }})
        >= {{ as_of_date() }}
    ) as is_in_force
from {{ ref("stg_policy_rows") }} as policy_rows
inner join broken_rows
    on
        policy_rows.entity = broken_rows.entity
        and policy_rows.source_file_id = broken_rows.source_file_id
        and policy_rows.source_row_number = broken_rows.source_row_number
left join {{ ref("stg_allocation_groups") }} as allocation_groups
    on policy_rows.allocation_group_id = allocation_groups.allocation_group_id
left join {{ ref("int_account_references__resolved") }} as account_references
    on
        policy_rows.custodian = account_references.custodian
        and policy_rows.account_number = account_references.account_number
left join {{ ref("int_accounts__identified") }} as accounts
    on account_references.account_id = accounts.account_id
left join {{ ref("int_restrictions__expanded") }} as restrictions
    on
        policy_rows.entity = 'restrictions'
        and policy_rows.source_file_id = restrictions.source_file_id
        and policy_rows.source_row_number = restrictions.source_row_number
left join {{ ref("int_accounts__identified") }} as restricted_accounts
    on restrictions.account_id = restricted_accounts.account_id
group by policy_rows.entity, policy_rows.source_file_id, policy_rows.source_row_number
