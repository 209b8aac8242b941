-- Open lots as the last night left them on which the account's files were there, parts of a divided lot
-- together: what tonight's lots are recognised by. A mart of the plan pass is made after this model, so
-- that its earlier nights are read as they stand; on the first night there are none.
{{ config(materialized="view") }}

with accounts as (
    {{ rows_as_they_stand(
        "dim_accounts", {"as_of_date": "date", "account_id": "varchar", "account_state": "varchar"}
    ) }}
),

lots as (
    {{ rows_as_they_stand("fct_tax_lots", {
        "as_of_date": "date",
        "account_id": "varchar",
        "lot_id": "varchar",
        "security_id": "varchar",
        "parent_lot_id": "varchar",
        "quantity": "decimal(28, 10)",
        "acquisition_date": "date",
        "custodian_cost_basis": "decimal(24, 6)",
        "custodian_wash_sale_adjustment": "decimal(24, 6)",
        "source_lot_id": "varchar",
        "attributes_key": "varchar",
    }) }}
),

nights as (
    select distinct as_of_date from lots
    where as_of_date < {{ as_of_date() }} and as_of_date >= {{ as_of_date() }} - 45
),

last_nights as (
    select
        accounts.account_id,
        max(accounts.as_of_date) as as_of_date
    from accounts
    inner join nights on accounts.as_of_date = nights.as_of_date
    where accounts.account_state <> 'waiting_for_feed'
    group by accounts.account_id
),

-- A holding without lots is one lot in the mart, which no custodian keeps.
last_lots as (
    select lots.*
    from lots
    inner join last_nights
        on
            lots.account_id = last_nights.account_id
            and lots.as_of_date = last_nights.as_of_date
    where
        lots.as_of_date < {{ as_of_date() }}
        and lots.as_of_date >= {{ as_of_date() }} - 45
        and not contains(lots.lot_id, ':position:')
),

divided as (
    select distinct parent_lot_id from last_lots
    where parent_lot_id is not null
),

whole_lots as (
    select
        lot_id,
        as_of_date,
        account_id,
        security_id,
        source_lot_id,
        attributes_key,
        quantity,
        acquisition_date,
        custodian_cost_basis,
        custodian_wash_sale_adjustment
    from last_lots
    where
        parent_lot_id is null
        and lot_id not in (select divided.parent_lot_id from divided)
    union all
    select
        coalesce(parent_lot_id, lot_id) as lot_id,
        min(as_of_date) as as_of_date,
        min(account_id) as account_id,
        min(security_id) as security_id,
        min(source_lot_id) as source_lot_id,
        min(attributes_key) as attributes_key,
        sum(quantity) as quantity,
        min(acquisition_date) as acquisition_date,
        case when count(custodian_cost_basis) = count(*) then sum(custodian_cost_basis) end
            as custodian_cost_basis,
        sum(custodian_wash_sale_adjustment) as custodian_wash_sale_adjustment
    from last_lots
    where coalesce(parent_lot_id, lot_id) in (select divided.parent_lot_id from divided)
    group by coalesce(parent_lot_id, lot_id)
)

select
    lot_id,
    as_of_date,
    account_id,
    security_id,
    source_lot_id,
    -- Nights before the key was kept have it in the id of a lot that the custodian gives none.
    case
        when source_lot_id is null
            then coalesce(attributes_key, nullif(regexp_extract(lot_id, ':([0-9a-f]{12})-[0-9]+$', 1), ''))
    end as attributes_key,
    cast(quantity as decimal(28, 10)) as quantity,
    acquisition_date,
    cast(custodian_cost_basis as decimal(24, 6)) as custodian_cost_basis,
    cast(custodian_cost_basis - coalesce(custodian_wash_sale_adjustment, 0) as decimal(24, 6))
        as custodian_cost_basis_unadjusted
from whole_lots
