-- Cash flows of the firm's book with their account. `is_due`: within the horizon and not yet carried
-- out. Money that must go out is reserved as soon as it is planned; money that is to come in counts
-- once it is requested. A flow to pay without a date is due now. A flow matched to a transaction has
-- been carried out. A flow whose amount, type or state is not understood counts as nothing: its account
-- does not trade (int_rules__accounts).
select
    flows.cash_flow_id,
    account_references.account_id,
    accounts.household_id,
    accounts.allocation_group_id,
    flows.flow_type,
    flows.amount,
    flows.state,
    flows.required_by_date,
    flows.recurrence,
    flows.matched_transaction_id,
    flows.matched_transaction_id is null
    and {{ is_understood_flow("flows") }}
    and coalesce(
        case
            when flows.flow_type = 'contribution'
                then flows.state = 'requested' and flows.required_by_date <= {{ flow_horizon_date() }}
            else
                flows.state in ('planned', 'requested')
                and coalesce(flows.required_by_date, {{ as_of_date() }}) <= {{ flow_horizon_date() }}
        end,
        false
    ) as is_due,
    flows.matched_transaction_id is null
    and {{ is_understood_flow("flows") }}
    and flows.state in ('planned', 'requested') as is_open
from {{ ref("stg_cash_flows") }} as flows
inner join {{ ref("int_account_references__resolved") }} as account_references
    on
        flows.custodian = account_references.custodian
        and flows.account_number = account_references.account_number
inner join {{ ref("int_accounts__identified") }} as accounts
    on account_references.account_id = accounts.account_id
