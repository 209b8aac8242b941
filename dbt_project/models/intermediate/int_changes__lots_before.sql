-- Open lots as an earlier night left them, parts of a divided lot together: the last night, or, where a
-- change has not been explained since, the night before that change. A change that nobody explains does
-- not become true by standing for a night.
{{ config(materialized="view") }}

{% set lot_columns = {
    "lot_id": "varchar",
    "parent_lot_id": "varchar",
    "account_id": "varchar",
    "security_id": "varchar",
    "source_lot_id": "varchar",
    "quantity": "decimal(28, 10)",
    "acquisition_date": "date",
    "custodian_cost_basis": "decimal(24, 6)",
} %}

with last_night as (
    {{ earlier_nights("fct_tax_lots", lot_columns) }}
),

results as (
    {{ earlier_nights(
        "fct_data_quality_results",
        {"rule": "varchar", "account_id": "varchar", "security_id": "varchar", "is_passed": "boolean",
         "status_date": "date"},
    ) }}
),

standing as (
    select
        account_id,
        security_id,
        min(status_date) as status_date
    from results
    where not is_passed and rule in ('basis_change_is_explained', 'sold_lots_add_up')
    group by account_id, security_id
),

all_nights as (
    {{ earlier_nights("fct_tax_lots", lot_columns, is_last_only=false) }}
),

compared as (
    select
        all_nights.account_id,
        all_nights.security_id,
        max(all_nights.as_of_date) as as_of_date
    from all_nights
    inner join standing
        on
            all_nights.account_id = standing.account_id
            and all_nights.security_id = standing.security_id
            and all_nights.as_of_date < standing.status_date
    group by all_nights.account_id, all_nights.security_id
),

lots as (
    select last_night.*
    from last_night
    left join compared
        on
            last_night.account_id = compared.account_id
            and last_night.security_id = compared.security_id
    where compared.account_id is null
    union all
    select all_nights.*
    from all_nights
    inner join compared
        on
            all_nights.account_id = compared.account_id
            and all_nights.security_id = compared.security_id
            and all_nights.as_of_date = compared.as_of_date
)

select
    coalesce(parent_lot_id, lot_id) as lot_id,
    min(as_of_date) as compared_with_date,
    min(account_id) as account_id,
    min(security_id) as security_id,
    min(source_lot_id) as source_lot_id,
    sum(quantity) as quantity,
    min(acquisition_date) as acquisition_date,
    case when count(custodian_cost_basis) = count(*) then sum(custodian_cost_basis) end
        as custodian_cost_basis
from lots
-- A holding without lots is one lot there, which no custodian keeps.
where not contains(lot_id, ':position:')
group by coalesce(parent_lot_id, lot_id)
