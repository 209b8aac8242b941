-- Cash flows that are due within the horizon and not yet carried out, by account. Money that must go
-- out is reserved as soon as it is planned; money that is to come in counts once it is requested. A
-- flow to pay without a date is due now. A flow matched to a transaction has been carried out.
with due as (
    select
        account_references.account_id,
        flows.flow_type,
        flows.amount
    from {{ ref("stg_cash_flows") }} as flows
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            flows.custodian = account_references.custodian
            and flows.account_number = account_references.account_number
    where
        flows.matched_transaction_id is null
        and case
            when flows.flow_type = 'contribution'
                then flows.state = 'requested' and flows.required_by_date <= {{ flow_horizon_date() }}
            else
                flows.state in ('planned', 'requested')
                and coalesce(flows.required_by_date, {{ as_of_date() }}) <= {{ flow_horizon_date() }}
        end
)

select
    account_id,
    cast(coalesce(sum(amount) filter (where flow_type = 'fee'), 0) as decimal(24, 6)) as fee_reserve,
    cast(
        coalesce(sum(amount) filter (where flow_type not in ('fee', 'contribution')), 0) as decimal(24, 6)
    ) as flow_reserve,
    cast(
        coalesce(sum(amount) filter (where flow_type = 'contribution'), 0) as decimal(24, 6)
    ) as contributions_due
from due
group by account_id
