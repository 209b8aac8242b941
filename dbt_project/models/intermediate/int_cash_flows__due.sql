-- What the cash flows due reserve in each account, and what they bring.
select
    account_id,
    cast(coalesce(sum(amount) filter (where flow_type = 'fee'), 0) as decimal(24, 6)) as fee_reserve,
    cast(
        coalesce(sum(amount) filter (where flow_type not in ('fee', 'contribution')), 0) as decimal(24, 6)
    ) as flow_reserve,
    cast(
        coalesce(sum(amount) filter (where flow_type = 'contribution'), 0) as decimal(24, 6)
    ) as contributions_due
from {{ ref("int_cash_flows__expected") }}
where is_due
group by account_id
