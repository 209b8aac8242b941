-- What is said of an account's cash beside the facts, currency by currency. A custodian that states one
-- balance means it for both dates.
with said as (
    select
        deliveries.account_id,
        cash.currency,
        deliveries.custodian,
        deliveries.feed,
        deliveries.delivery_id,
        deliveries.set_aside_because,
        {{ sum_of_known("coalesce(cash.trade_date_balance, cash.settlement_date_balance)") }}
            as stated_trade_date,
        {{ sum_of_known("coalesce(cash.settlement_date_balance, cash.trade_date_balance)") }}
            as stated_settlement_date,
        min(cash.source_file_id) as source_file_id,
        arg_min(
            cash.source_row_number,
            cash.source_file_id || lpad(cast(cash.source_row_number as varchar), 12, '0')
        ) as source_row_number
    from {{ ref("stg_cash_balances") }} as cash
    inner join {{ ref("int_accounts__deliveries") }} as deliveries
        on
            deliveries.entity = 'cash_balances'
            and not deliveries.is_source_of_facts
            and cash.source_file_id = deliveries.source_file_id
            and cash.custodian = deliveries.custodian
            and cash.account_number = deliveries.account_number
    group by
        deliveries.account_id, cash.currency, deliveries.custodian, deliveries.feed, deliveries.delivery_id,
        deliveries.set_aside_because
),

facts as (
    select
        account_id,
        currency,
        {{ sum_of_known("coalesce(trade_date_balance, settlement_date_balance)") }} as source_trade_date,
        {{ sum_of_known("coalesce(settlement_date_balance, trade_date_balance)") }}
            as source_settlement_date,
        min(feed) as source_feed
    from {{ ref("int_cash__sources") }}
    group by account_id, currency
)

select
    said.account_id,
    said.currency,
    said.custodian,
    said.feed,
    said.delivery_id,
    said.set_aside_because,
    facts.source_feed,
    facts.source_trade_date,
    facts.source_settlement_date,
    said.stated_trade_date,
    said.stated_settlement_date,
    said.source_file_id,
    said.source_row_number
from said
left join facts
    on
        said.account_id = facts.account_id
        and said.currency is not distinct from facts.currency
