with limits as (
    select
        households.household_id,
        restrictions.security_id,
        restrictions.limit_weight,
        restrictions.restriction_id
    from {{ ref("int_restrictions__expanded") }} as restrictions
    left join {{ ref("int_accounts__identified") }} as accounts
        on restrictions.account_id = accounts.account_id
    inner join {{ ref("stg_households") }} as households
        on
            restrictions.scope in ('firm', 'issuer')
            or households.household_id = coalesce(restrictions.household_id, accounts.household_id)
    where
        restrictions.restriction_type = 'concentration_cap'
        and restrictions.is_scope_known
        and restrictions.limit_weight is not null
),

-- A cap on every security is a cap on each one that the household holds.
written_out as (
    select * from limits
    where security_id is not null
    union all
    select
        limits.household_id,
        positions.security_id,
        limits.limit_weight,
        limits.restriction_id
    from limits
    inner join {{ ref("int_positions__valued") }} as positions on limits.household_id = positions.household_id
    where limits.security_id is null
)

select
    {{ as_of_date() }} as as_of_date,
    household_id,
    security_id,
    min(limit_weight) as limit_weight,
    arg_min(restriction_id, (limit_weight, restriction_id)) as source
from written_out
group by household_id, security_id
