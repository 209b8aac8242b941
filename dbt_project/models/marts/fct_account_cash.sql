with pending as (
    select
        account_id,
        bool_and(open_quantity is not null and expected_price is not null) as is_known,
        sum(
            {{ product_of("open_quantity", "expected_price", "decimal(24, 6)") }}
            * case side when 'buy' then -1 else 1 end
        ) as cash_change
    from {{ ref("int_open_orders__identified") }}
    group by account_id
),

gathered as (
    select
        accounts.account_id,
        accounts.household_id,
        accounts.minimum_cash as minimum,
        -- What the custodian does not state is not known; the rule cash_is_stated lists the account.
        cash.trade_date,
        cash.settled,
        cash.margin_debit,
        case when coalesce(pending.is_known, true) then coalesce(pending.cash_change, 0) end as pending,
        coalesce(flows.fee_reserve, 0) as fee_reserve,
        coalesce(flows.flow_reserve, 0) as flow_reserve,
        coalesce(flows.contributions_due, 0) as contributions_due
    from {{ ref("int_accounts__identified") }} as accounts
    left join {{ ref("int_cash__by_account") }} as cash on accounts.account_id = cash.account_id
    left join {{ ref("int_cash_flows__due") }} as flows on accounts.account_id = flows.account_id
    left join pending on accounts.account_id = pending.account_id
)

select
    {{ as_of_date() }} as as_of_date,
    account_id,
    household_id,
    cast(trade_date as decimal(24, 6)) as trade_date,
    cast(settled as decimal(24, 6)) as settled,
    cast(pending as decimal(24, 6)) as pending,
    cast(margin_debit as decimal(24, 6)) as margin_debit,
    cast(fee_reserve as decimal(24, 6)) as fee_reserve,
    cast(flow_reserve as decimal(24, 6)) as flow_reserve,
    cast(minimum as decimal(24, 6)) as minimum,
    cast(trade_date + pending - margin_debit - fee_reserve - flow_reserve - minimum as decimal(24, 6))
        as investable,
    cast(contributions_due as decimal(24, 6)) as contributions_due
from gathered
