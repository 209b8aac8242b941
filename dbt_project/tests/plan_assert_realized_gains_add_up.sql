-- Columns (d), (e), (g) and (h) of Form 8949 tie on every line, the parts of a lot hold its shares, and
-- every difference from the custodian has its reason.
{{ config(meta={'dagster': {'ref': {'name': 'fct_realized_gains'}}}) }}

with lines as (
    select
        *,
        sum(quantity) over (partition by account_id, closed_lot_key) as lot_quantity,
        sum(custodian_disallowed_kept) over (partition by account_id, closed_lot_key) as lot_kept
    from {{ ref("fct_realized_gains") }}
    where as_of_date = {{ as_of_date() }}
)

select
    lines.account_id,
    lines.closed_lot_key,
    lines.part
from lines
inner join {{ ref("int_closed_lots__merged") }} as closed_lots
    on
        lines.account_id = closed_lots.account_id
        and lines.closed_lot_key = closed_lots.closed_lot_key
where
    abs(lines.proceeds - lines.reported_cost_basis + lines.adjustment_amount - lines.recognized_gain) >= 0.005
    or abs(lines.lot_quantity - abs(closed_lots.quantity)) >= 0.0001
    or (abs(lines.difference) >= 0.01 and lines.difference_reason is null)
    or (lines.custodian_disallowed_kept >= 0.005 and lines.difference_reason is null)
    or lines.custodian_disallowed_kept > lines.disallowed_loss
    or lines.lot_kept > abs(coalesce(closed_lots.disallowed_loss, 0))
