-- No lot or holding that a rule freezes, and nothing in a blocked account, can be sold or bought.
{{ config(meta={'dagster': {'ref': {'name': 'fct_position_constraints'}}}) }}

select
    constraints.account_id,
    constraints.security_id,
    constraints.lot_id
from {{ ref("fct_position_constraints") }} as constraints
inner join {{ ref("dim_accounts") }} as accounts
    on
        constraints.account_id = accounts.account_id
        and constraints.as_of_date = accounts.as_of_date
left join {{ ref("int_positions__valued") }} as positions
    on
        constraints.account_id = positions.account_id
        and constraints.security_id = positions.security_id
where
    constraints.as_of_date = {{ as_of_date() }}
    and (
        (accounts.is_trading_blocked and (constraints.sellable_quantity > 0 or constraints.is_buyable))
        or (
            positions.position_state = 'frozen'
            and (constraints.sellable_quantity > 0 or constraints.is_buyable)
        )
        or constraints.sellable_quantity > greatest(positions.quantity, 0)
    )
