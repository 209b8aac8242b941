-- Cash flows to expect: those of the firm's book, and of required distributions what neither was taken nor
-- is planned, shared out among the accounts of the group as they give rise to it.
with distributions as (
    select
        computed.*,
        computed.remaining_amount - computed.planned_amount as open_amount,
        unnest(computed.account_requirements) as of_account
    from {{ ref("int_required_distributions__computed") }} as computed
    where computed.remaining_amount - computed.planned_amount > 0
),

by_account as (
    select
        *,
        struct_extract(of_account, 'account_id') as taken_from_account_id,
        struct_extract(of_account, 'requirement') as requirement
    from distributions
),

shared as (
    select
        *,
        sum(requirement) over whole_group as group_requirement,
        sum(requirement) over upto_account as requirement_after
    from by_account
    where requirement > 0
    window
        whole_group as (partition by owner_person_id, aggregation_group, tax_year),
        upto_account as (
            partition by owner_person_id, aggregation_group, tax_year
            order by taken_from_account_id
        )
),

-- Rounded sums up to each account, so that the accounts add up to the cent.
amounts as (
    select
        *,
        round(open_amount * cast(requirement_after / group_requirement as decimal(12, 10)), 2)
        - round(
            open_amount
            * cast((requirement_after - requirement) / group_requirement as decimal(12, 10)),
            2
        ) as amount
    from shared
)

select
    cash_flow_id,
    account_id,
    household_id,
    allocation_group_id,
    flow_type,
    amount,
    state,
    required_by_date,
    recurrence,
    matched_transaction_id,
    is_due,
    is_open,
    'policy' as flow_source
from {{ ref("int_cash_flows__identified") }}
union all
select
    'RMD-' || amounts.tax_year || '-' || accounts.account_id as cash_flow_id,
    accounts.account_id,
    accounts.household_id,
    accounts.allocation_group_id,
    'rmd' as flow_type,
    cast(amounts.amount as decimal(24, 6)) as amount,
    'planned' as state,
    amounts.due_date as required_by_date,
    'annual' as recurrence,
    cast(null as varchar) as matched_transaction_id,
    amounts.due_date <= {{ flow_horizon_date() }} as is_due,
    true as is_open,
    'required_distribution' as flow_source
from amounts
inner join {{ ref("int_accounts__identified") }} as accounts
    on amounts.taken_from_account_id = accounts.account_id
where amounts.amount > 0
