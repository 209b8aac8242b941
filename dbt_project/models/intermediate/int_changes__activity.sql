-- What the transactions since the last night add up to, by account and security (null: cash alone), in
-- the three readings of "since": traded since, settled since, or first told since.
with previous as (
    select max(previous_date) as previous_date from (
        select previous_date from {{ ref("int_changes__positions_before") }}
        union all
        select previous_date from {{ ref("int_changes__cash_before") }}
    ) as nights
),

dated as (
    select
        transactions.*,
        coalesce(transactions.transaction_date > previous.previous_date, false) as is_traded_since,
        coalesce(
            coalesce(transactions.settlement_date, transactions.transaction_date) > previous.previous_date
            and coalesce(transactions.settlement_date, transactions.transaction_date) <= {{ as_of_date() }},
            false
        ) as is_settled_since,
        coalesce(transactions.first_known_date > previous.previous_date, false) as is_told_since
    from {{ ref("int_transactions__merged") }} as transactions
    cross join previous
    where
        transactions.transaction_date <= {{ as_of_date() }}
        and transactions.transaction_type <> 'PENDING'
        and (
            transactions.transaction_date > previous.previous_date
            or transactions.settlement_date > previous.previous_date
            or transactions.first_known_date > previous.previous_date
        )
)

select
    account_id,
    security_id,
    count(*) as transaction_count,
    {% for reading in ["traded", "settled", "told"] %}
        coalesce(sum(quantity) filter (where is_{{ reading }}_since), 0) as quantity_{{ reading }},
        case
            when count(*) filter (where is_{{ reading }}_since and currency <> 'USD') = 0
                then coalesce(sum(net_amount) filter (where is_{{ reading }}_since), 0)
        end as cash_{{ reading }},
        coalesce(
            sum(net_amount) filter (where is_{{ reading }}_since and transaction_type = 'SWEEP'), 0
        ) as swept_{{ reading }},
    {% endfor %}
    bool_or(is_traded_since or is_told_since) as has_new_transactions,
    bool_or(
        transaction_type in (
            'BUY', 'SELL', 'SELL_SHORT', 'BUY_COVER', 'REINVEST', 'TRANSFER_IN', 'TRANSFER_OUT', 'JOURNAL',
            'EXERCISE', 'ASSIGN', 'EXPIRE'
        )
    ) as has_trades
from dated
group by account_id, security_id
