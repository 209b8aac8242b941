-- Positions with the basis and unrealized gains that follow from our own lots, wash sales included.
-- A basis that is not wholly known is not stated: the status says why.
with positions as (

    select *
    from {{ ref('int_positions__valued') }}

),

lots as (

    select
        account_id,
        security_id,
        count(*) as lot_count,
        count(*) - count(cost_basis) as lots_without_basis,
        count(*) filter (where basis_status = 'estimated') as estimated_lots,
        sum(quantity) as quantity,
        sum(cost_basis) as cost_basis,
        sum(case when term = 'short' then unrealized_gain else 0 end) as unrealized_short_term_gain,
        sum(case when term = 'long' then unrealized_gain else 0 end) as unrealized_long_term_gain,
        count(*) - count(term) as lots_without_term
    from {{ ref('fct_tax_lots') }}
    where as_of_date = {{ as_of_date() }}
    group by account_id, security_id

),

judged as (

    select
        positions.*,
        lots.cost_basis,
        lots.unrealized_short_term_gain,
        lots.unrealized_long_term_gain,
        case
            when lots.lot_count is null and positions.custodian_cost_basis is not null
                then 'position_only'
            when lots.lot_count is null then 'no_lots'
            when abs(lots.quantity - positions.quantity) > {{ policy_number('quantity_tolerance') }}
                then 'lots_do_not_tie'
            when lots.lots_without_basis = lots.lot_count then 'missing'
            when lots.lots_without_basis > 0 or lots.lots_without_term > 0 then 'incomplete'
            when lots.estimated_lots > 0 then 'estimated'
            else 'complete'
        end as cost_basis_status
    from positions
    left join lots
        on
            positions.account_id = lots.account_id
            and positions.security_id = lots.security_id

),

stated as (

    select
        *,
        case
            when cost_basis_status in ('complete', 'estimated') then cost_basis
            when cost_basis_status = 'position_only' then custodian_cost_basis
        end as stated_cost_basis
    from judged

)

select
    {{ as_of_date() }} as as_of_date,
    account_id,
    security_id,
    household_id,
    quantity,
    price,
    market_value,
    cast(stated_cost_basis as decimal(24, 6)) as cost_basis,
    cast(market_value - stated_cost_basis as decimal(24, 6)) as unrealized_gain,
    cast(
        case when cost_basis_status in ('complete', 'estimated') then unrealized_short_term_gain end
        as decimal(24, 6)
    ) as unrealized_short_term_gain,
    cast(
        case when cost_basis_status in ('complete', 'estimated') then unrealized_long_term_gain end
        as decimal(24, 6)
    ) as unrealized_long_term_gain,
    cost_basis_status,
    position_state,
    state_reason,
    is_illiquid,
    is_mapped
from stated
