-- A row whose account the registry lacks would fall out of the book unseen.
{{ config(meta={'dagster': {'ref': {'name': 'int_account_references__resolved'}}}) }}

select
    received.custodian,
    received.account_number
from (
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
    union
    select
        custodian,
        account_number
    from {{ ref("stg_account_settings") }}
) as received
left join {{ ref("int_account_references__resolved") }} as account_references
    on
        received.custodian = account_references.custodian
        and received.account_number = account_references.account_number
where received.account_number is not null and account_references.account_id is null
