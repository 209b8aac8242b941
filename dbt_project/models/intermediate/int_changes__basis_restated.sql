-- Cost before and after a split, merger or spin-off of these days, of all securities that the action joins,
-- by account: it must be the same. One row per account and security that came out of the action.
with actions as (
    select
        new_security_id as resulting_security_id,
        security_id
    from {{ ref("int_changes__corporate_actions") }}
    where ratio is not null
    union
    select
        new_security_id as resulting_security_id,
        new_security_id as security_id
    from {{ ref("int_changes__corporate_actions") }}
    where ratio is not null
),

earlier as (
    select
        lots.account_id,
        actions.resulting_security_id,
        count(*) as lot_count,
        case when count(lots.custodian_cost_basis) = count(*) then sum(lots.custodian_cost_basis) end
            as cost_basis
    from {{ ref("int_changes__lots_before") }} as lots
    inner join actions on lots.security_id = actions.security_id
    group by lots.account_id, actions.resulting_security_id
),

tonight as (
    select
        lots.account_id,
        actions.resulting_security_id,
        count(*) as lot_count,
        sum(abs(lots.quantity)) filter (where lots.security_id = actions.resulting_security_id) as quantity,
        case when count(lots.custodian_cost_basis) = count(*) then sum(lots.custodian_cost_basis) end
            as cost_basis
    from {{ ref("int_lots__keyed") }} as lots
    inner join actions on lots.security_id = actions.security_id
    group by lots.account_id, actions.resulting_security_id
)

select
    tonight.account_id,
    tonight.resulting_security_id as security_id,
    tonight.lot_count,
    earlier.cost_basis as previous_cost_basis,
    tonight.cost_basis,
    -- A fraction that was paid in cash takes the cost of less than one unit with it.
    cast(abs(tonight.cost_basis) / nullif(tonight.quantity, 0) as decimal(24, 6)) as cost_of_a_unit
from tonight
inner join earlier
    on
        tonight.account_id = earlier.account_id
        and tonight.resulting_security_id = earlier.resulting_security_id
inner join {{ ref("int_accounts__identified") }} as accounts
    on
        tonight.account_id = accounts.account_id
        and coalesce(accounts.tax_treatment, 'taxable') = 'taxable'
where
    not exists (
        select activity.account_id
        from {{ ref("int_changes__activity") }} as activity
        inner join actions on activity.security_id = actions.security_id
        where
            activity.account_id = tonight.account_id
            and actions.resulting_security_id = tonight.resulting_security_id
            and activity.has_trades
    )
