-- Lots and positions that a split or merger has re-stated on one side only: the lots are those of before
-- the action and the position that of after it, or the other way round. They tie by the action's ratio, so
-- nothing is lost: what is late is the custodian's second file. One row per holding.
with lots as (
    select
        account_id,
        security_id,
        count(*) as lot_count,
        sum(quantity) as quantity
    from {{ ref("int_lots__keyed") }}
    where quantity is not null
    group by account_id, security_id
),

ratios as (
    select
        security_id,
        new_security_id,
        ratio
    from {{ ref("int_changes__corporate_actions") }}
    where ratio is not null
),

positions as (
    select
        account_id,
        security_id,
        quantity
    from {{ ref("int_positions__aggregated") }}
)

-- A split: less than one unit may have been paid in cash.
select distinct
    positions.account_id,
    positions.security_id,
    lots.security_id as lot_security_id,
    lots.lot_count,
    lots.quantity as lot_quantity,
    positions.quantity,
    ratios.ratio,
    abs(lots.quantity * ratios.ratio - positions.quantity) < 1 as is_lots_late
from positions
inner join lots
    on
        positions.account_id = lots.account_id
        and positions.security_id = lots.security_id
inner join ratios
    on
        positions.security_id = ratios.security_id
        and ratios.new_security_id = ratios.security_id
        and ratios.ratio <> 1
where
    not {{ is_same_quantity("lots.quantity", "positions.quantity") }}
    and (
        abs(lots.quantity * ratios.ratio - positions.quantity) < 1
        or abs(positions.quantity * ratios.ratio - lots.quantity) < 1
    )
union all
-- A merger: the position is in one of the two securities, its lots in the other.
select distinct
    positions.account_id,
    positions.security_id,
    lots.security_id as lot_security_id,
    lots.lot_count,
    lots.quantity as lot_quantity,
    positions.quantity,
    ratios.ratio,
    lots.security_id = ratios.security_id as is_lots_late
from ratios
inner join positions
    on positions.security_id in (ratios.security_id, ratios.new_security_id)
inner join lots
    on
        positions.account_id = lots.account_id
        and positions.security_id <> lots.security_id
        and lots.security_id in (ratios.security_id, ratios.new_security_id)
left join lots as own_lots
    on
        positions.account_id = own_lots.account_id
        and positions.security_id = own_lots.security_id
left join positions as other_position
    on
        lots.account_id = other_position.account_id
        and lots.security_id = other_position.security_id
where
    ratios.new_security_id <> ratios.security_id
    and own_lots.account_id is null
    and other_position.account_id is null
    and (
        (
            lots.security_id = ratios.security_id
            and abs(lots.quantity * ratios.ratio - positions.quantity) < 1
        )
        or (
            positions.security_id = ratios.security_id
            and abs(positions.quantity * ratios.ratio - lots.quantity) < 1
        )
    )
