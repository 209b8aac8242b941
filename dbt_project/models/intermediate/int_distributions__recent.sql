-- What shares of funds and REITs paid in the months in which IRC 852(b)(4) and 857(b)(8) look back from a
-- loss: long-term capital gain distributions, and exempt-interest dividends of municipal bond funds. A
-- municipal mutual fund that declares its dividends daily is excepted (852(b)(4)(E)); no file says which.
with municipal_funds as (
    select
        securities.security_id,
        coalesce(
            securities.security_type in ('ETF', 'MUTUAL_FUND')
            and starts_with(lower(max_by(classified.sub_class, classified.weight)), 'muni'),
            false
        ) as is_municipal
    from {{ ref("int_securities__described") }} as securities
    inner join {{ ref("int_securities__classified") }} as classified
        on securities.security_id = classified.security_id
    group by securities.security_id, securities.security_type
)

select
    transactions.household_id,
    transactions.account_id,
    transactions.security_id,
    transactions.transaction_key,
    transactions.transaction_date as paid_date,
    case
        when transactions.transaction_type = 'CAP_GAIN_LT' then 'long_term_gain' else 'exempt_interest'
    end as distribution_kind,
    transactions.net_amount as amount
from {{ ref("int_transactions__merged") }} as transactions
inner join municipal_funds on transactions.security_id = municipal_funds.security_id
where
    transactions.net_amount > 0
    and transactions.household_id is not null
    and (
        transactions.transaction_type = 'CAP_GAIN_LT'
        or (transactions.transaction_type = 'DIVIDEND' and municipal_funds.is_municipal)
    )
    -- six months before the trade, with room for the days between record date, payment and trade
    and transactions.transaction_date between {{ as_of_date() }} - interval 7 month and {{ as_of_date() }}
