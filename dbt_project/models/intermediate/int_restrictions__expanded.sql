-- Restrictions that hold on the planned trade date, each written out for what it names: an account, a
-- household or the whole firm, and one security or (null) every security, or one lot.
with active as (
    select
        restrictions.*,
        identified.security_id as named_security_id,
        coalesce(identified.is_resolved, false) as is_security_resolved,
        restrictions.security_key = '||||' as names_every_security
    from {{ ref("stg_restrictions") }} as restrictions
    left join {{ ref("int_securities__identified") }} as identified
        on restrictions.security_key = identified.security_key
    where coalesce(restrictions.until_date, {{ planned_trade_date() }}) >= {{ planned_trade_date() }}
),

owned_accounts as (
    select distinct
        owners.person_id,
        account_references.account_id
    from {{ ref("stg_account_owners") }} as owners
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            owners.custodian = account_references.custodian
            and owners.account_number = account_references.account_number
),

issuer_securities as (
    select distinct
        active.scope_id as issuer_ticker,
        securities.security_id
    from active
    inner join {{ ref("int_securities__described") }} as issued
        on {{ as_ticker("active.scope_id") }} = issued.ticker
    inner join {{ ref("int_securities__described") }} as securities
        on
            issued.identity_group_id = securities.identity_group_id
            or issued.ticker = securities.underlying_ticker
    where active.scope = 'issuer'
)

select
    active.restriction_id,
    active.scope,
    active.scope_id,
    active.restriction_type,
    active.limit_weight,
    active.until_date,
    active.reason,
    active.source,
    active.feed,
    active.source_file_id,
    active.source_row_number,
    households.household_id,
    coalesce(owned_accounts.account_id, account_references.account_id, lots.account_id) as account_id,
    case
        when active.scope = 'issuer' then issuer_securities.security_id
        when active.scope = 'lot' then lots.security_id
        when not active.names_every_security then active.named_security_id
    end as security_id,
    lots.lot_id,
    case active.scope
        when 'firm' then true
        when 'household' then households.household_id is not null
        when 'person' then owned_accounts.account_id is not null
        when 'account' then account_references.account_id is not null
        when 'issuer' then issuer_securities.security_id is not null
        when 'lot' then lots.lot_id is not null
        else false
    end
    and (active.scope in ('issuer', 'lot') or active.names_every_security or active.is_security_resolved)
        as is_scope_known
from active
left join {{ ref("stg_households") }} as households
    on active.scope = 'household' and active.scope_id = households.household_id
left join owned_accounts on active.scope = 'person' and active.scope_id = owned_accounts.person_id
left join {{ ref("int_account_references__resolved") }} as account_references
    on
        active.scope = 'account'
        and upper(split_part(active.scope_id, ':', 1)) = account_references.custodian
        and split_part(active.scope_id, ':', 2) = account_references.account_number
left join issuer_securities on active.scope = 'issuer' and active.scope_id = issuer_securities.issuer_ticker
left join {{ ref("int_account_references__resolved") }} as lot_accounts
    on
        active.scope = 'lot'
        and upper(split_part(active.scope_id, ':', 1)) = lot_accounts.custodian
        and split_part(active.scope_id, ':', 2) = lot_accounts.account_number
left join {{ ref("int_lots__keyed") }} as lots
    on
        active.scope = 'lot'
        and lot_accounts.account_id = lots.account_id
        and {{ without_account_number(
            "split_part(active.scope_id, ':', 3)", "split_part(active.scope_id, ':', 2)"
        ) }} = lots.source_lot_id
