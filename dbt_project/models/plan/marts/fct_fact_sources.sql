-- The way back from what is not a position or an open lot to the rows it was read from: prices, cash,
-- accounts, targets and all the firm has stated. Closed lots only where a wash sale points at them; of cash
-- the rows that hold, not those of a second opinion.
with stated as (
    select
        'price' as fact_type,
        security_id as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('int_securities__priced') }}
    where price is not null
    union all
    select
        'ips_target' as fact_type,
        allocation_group_id || ':' || target_level || ':' || target_key as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('stg_ips_targets') }}
    where target_key is not null
    union all
    select
        'allocation_group' as fact_type,
        allocation_group_id as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('stg_allocation_groups') }}
    union all
    select
        'household' as fact_type,
        household_id as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('stg_households') }}
    union all
    select
        'tax_profile' as fact_type,
        tax_unit_id as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('stg_tax_profiles') }}
    union all
    select
        'cash_flow' as fact_type,
        cash_flow_id as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('stg_cash_flows') }}
    union all
    select
        'account' as fact_type,
        account_references.account_id as fact_id,
        accounts.source_file_id,
        accounts.source_row_number
    from {{ ref('stg_accounts') }} as accounts
    inner join {{ ref('int_account_references__resolved') }} as account_references
        on
            accounts.custodian = account_references.custodian
            and accounts.account_number = account_references.account_number
    union all
    select
        'account_settings' as fact_type,
        account_references.account_id as fact_id,
        settings.source_file_id,
        settings.source_row_number
    from {{ ref('stg_account_settings') }} as settings
    inner join {{ ref('int_account_references__resolved') }} as account_references
        on
            settings.custodian = account_references.custodian
            and settings.account_number = account_references.account_number
    union all
    select
        'cash' as fact_type,
        account_id as fact_id,
        source_file_id,
        source_row_number
    from {{ ref('int_cash__sources') }}
    union all
    select
        'closed_lot' as fact_type,
        closed_lots.account_id || ':' || closed_lots.closed_lot_key as fact_id,
        closed_lots.source_file_id,
        closed_lots.source_row_number
    from {{ ref('int_closed_lots__merged') }} as closed_lots
    where
        closed_lots.closed_lot_key in (
            select matches.loss_lot_key from {{ ref('fct_wash_sale_matches') }} as matches
            where matches.as_of_date = {{ as_of_date() }}
            union all
            select matches.replacement_lot_key from {{ ref('fct_wash_sale_matches') }} as matches
            where matches.as_of_date = {{ as_of_date() }}
        )
)

select distinct
    {{ as_of_date() }} as as_of_date,
    fact_type,
    fact_id,
    source_file_id,
    source_row_number
from stated
where fact_id is not null and source_file_id is not null and source_row_number is not null
