-- Fund holdings of which every lot has the same cost per share, to the cent of a lot: the custodian keeps
-- them at average cost, whether it says so or not. Purchases on several days at one price are alike in
-- nothing that depends on the method.
with lots as (
    select
        received.account_id,
        received.security_id,
        received.acquisition_date,
        received.quantity,
        received.cost_basis,
        cast((received.cost_basis - 0.01) / received.quantity as decimal(28, 10)) as lowest_unit_cost,
        cast((received.cost_basis + 0.01) / received.quantity as decimal(28, 10)) as highest_unit_cost
    from {{ ref("int_lots__received") }} as received
    inner join {{ ref("int_securities__described") }} as securities
        on received.security_id = securities.security_id
    where
        securities.security_type = 'MUTUAL_FUND'
        and received.basis_method is null
        and (received.quantity > 0 or received.quantity is null)
)

select
    account_id,
    security_id
from lots
group by account_id, security_id
having
    count(cost_basis) = count(*)
    and count(quantity) = count(*)
    -- Of less than a share, a cent of the lot says little about the cost of one.
    and count(distinct acquisition_date) filter (where quantity >= 1) > 1
    and max(lowest_unit_cost) <= min(highest_unit_cost)
