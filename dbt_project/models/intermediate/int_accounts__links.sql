-- Accounts that another account of the custodian holds (a brokerage window in a plan), and that account. Each
-- pair once, however many files tell it.
select distinct
    held.account_id,
    wrapping.account_id as parent_account_id,
    wrapping.custodian
from {{ ref("stg_accounts") }} as accounts
inner join {{ ref("int_account_references__resolved") }} as held
    on
        accounts.custodian = held.custodian
        and accounts.account_number = held.account_number
inner join {{ ref("int_account_references__resolved") }} as wrapping
    on
        accounts.custodian = wrapping.custodian
        and accounts.parent_account_number = wrapping.account_number
where held.account_id <> wrapping.account_id
