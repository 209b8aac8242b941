-- The rows that state tonight's cash: each account's once, however many files speak of it.
{{ config(materialized="view") }}

select
    account_references.account_id,
    cash.custodian,
    cash.feed,
    cash.source_file_id,
    cash.source_row_number,
    cash.account_number,
    cash.currency,
    cash.trade_date_balance,
    cash.settlement_date_balance,
    cash.margin_debit,
    cash.sweep_value,
    cash.rejected_values
from {{ ref("stg_cash_balances") }} as cash
inner join {{ ref("int_account_references__resolved") }} as account_references
    on
        cash.custodian = account_references.custodian
        and cash.account_number = account_references.account_number
left join {{ ref("int_accounts__deliveries") }} as set_aside
    on
        set_aside.entity = 'cash_balances'
        and not set_aside.is_source_of_facts
        and cash.source_file_id = set_aside.source_file_id
        and cash.custodian = set_aside.custodian
        and cash.account_number = set_aside.account_number
where set_aside.entity is null
