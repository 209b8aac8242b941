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
    select
        account_references.account_id,
        min(account_references.custodian) as custodian,
        min(account_references.account_number) as account_number
    from seen
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            seen.custodian = account_references.custodian
            and seen.account_number = account_references.account_number
    group by account_references.account_id
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
),

custodian_accounts as (
    select
        account_references.account_id,
        accounts.base_currency,
        accounts.account_status as custodian_account_status,
        accounts.opened_date,
        accounts.is_margin
    from {{ ref("stg_accounts") }} as accounts
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            accounts.custodian = account_references.custodian
            and accounts.account_number = account_references.account_number
    qualify
        row_number() over (
            partition by account_references.account_id
            order by accounts.source_file_id, accounts.source_row_number
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
    settled.source_file_id as settings_file_id,
    settled.source_row_number as settings_row_number,
    settled.rejected_values,
    custodian_accounts.base_currency,
    custodian_accounts.custodian_account_status,
    custodian_accounts.opened_date,
    custodian_accounts.is_margin,
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
