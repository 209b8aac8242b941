-- Accounts of tonight: those the firm has settings for, and those a custodian sends without settings.
with seen as (
    select
        custodian,
        account_number
    from {{ ref("stg_accounts") }}
    union
    select
        custodian,
        account_number
    from {{ ref("stg_positions") }}
    union
    select
        custodian,
        account_number
    from {{ ref("stg_cash_balances") }}
    union
    select
        custodian,
        account_number
    from {{ ref("stg_tax_lots") }}
),

seen_accounts as (
    select distinct
        registry.account_id,
        registry.custodian,
        registry.account_number
    from seen
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            seen.custodian = account_references.custodian
            and seen.account_number = account_references.account_number
    -- However the files write it, the account is called by its own number.
    inner join {{ ref("stg_account_registry") }} as registry
        on account_references.account_id = registry.account_id
),

settled as (
    select
        account_references.account_id,
        settings.*
    from {{ ref("stg_account_settings") }} as settings
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            settings.custodian = account_references.custodian
            and settings.account_number = account_references.account_number
    -- Settings under two names that the crosswalk says are one account: those of its own number hold.
    qualify
        row_number() over (
            partition by account_references.account_id
            order by account_references.resolved_by = 'number' desc, settings.account_number asc
        ) = 1
),

files as (
    select
        source_file_id,
        bool_and(feed_role = 'cross_check') as is_cross_check,
        max(received_at) as received_at
    from {{ ref("stg_delivery_files") }}
    where entity = 'accounts'
    group by source_file_id
),

custodian_accounts as (
    select
        account_references.account_id,
        accounts.base_currency,
        accounts.account_status as custodian_account_status,
        accounts.opened_date,
        accounts.is_margin,
        nullif(accounts.default_disposal_method, 'UNKNOWN') as custodian_lot_method,
        parents.account_id as parent_account_id
    from {{ ref("stg_accounts") }} as accounts
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            accounts.custodian = account_references.custodian
            and accounts.account_number = account_references.account_number
    left join {{ ref("int_account_references__resolved") }} as parents
        on
            accounts.custodian = parents.custodian
            and accounts.parent_account_number = parents.account_number
            and account_references.account_id <> parents.account_id
    left join files on accounts.source_file_id = files.source_file_id
    -- As int_accounts__deliveries: a second opinion last, the standard feed first, the newest file.
    qualify
        row_number() over (
            partition by account_references.account_id
            order by
                coalesce(files.is_cross_check, false) asc,
                accounts.feed = 'standard_feed' desc,
                files.received_at desc nulls last,
                accounts.source_file_id asc,
                accounts.source_row_number asc
        ) = 1
)

select
    coalesce(settled.account_id, seen_accounts.account_id) as account_id,
    coalesce(settled.custodian, seen_accounts.custodian) as custodian,
    coalesce(settled.account_number, seen_accounts.account_number) as account_number,
    settled.household_id,
    settled.account_name,
    settled.account_type,
    account_types.tax_treatment,
    settled.allocation_group_id,
    settled.tax_unit_id,
    settled.wash_sale_group_id,
    settled.account_id is not null as is_in_policy,
    -- An account counts unless the firm says otherwise; it is traded only if the firm says so.
    settled.account_id is not null
    and coalesce(settled.counts_toward_allocation, true) as counts_toward_allocation,
    coalesce(settled.is_tradable, false) as is_tradable,
    coalesce(settled.counts_for_wash_sales, true) as counts_for_wash_sales,
    coalesce(settled.account_status, case when settled.account_id is not null then 'open' end)
        as account_status,
    coalesce(settled.minimum_cash, 0) as minimum_cash,
    settled.permitted_list,
    settled.lot_method,
    coalesce(settled.is_discretionary, false) as is_discretionary,
    settled.plan_employment,
    settled.source_file_id as settings_file_id,
    settled.source_row_number as settings_row_number,
    settled.rejected_values,
    custodian_accounts.base_currency,
    custodian_accounts.custodian_account_status,
    custodian_accounts.opened_date,
    custodian_accounts.is_margin,
    custodian_accounts.custodian_lot_method,
    custodian_accounts.parent_account_id,
    custodian_accounts.account_id is not null as is_in_custodian_accounts,
    households.household_id is not null as is_household_known,
    allocation_groups.allocation_group_id is not null as is_group_known
from settled
full outer join seen_accounts on settled.account_id = seen_accounts.account_id
left join custodian_accounts
    on coalesce(settled.account_id, seen_accounts.account_id) = custodian_accounts.account_id
left join
    {{ ref("seed_account_types") }} as account_types
    on settled.account_type = account_types.account_type
left join {{ ref("stg_households") }} as households on settled.household_id = households.household_id
left join {{ ref("stg_allocation_groups") }} as allocation_groups
    on settled.allocation_group_id = allocation_groups.allocation_group_id
