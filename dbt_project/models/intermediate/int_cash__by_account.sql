-- Cash of each account in dollars, from every form in which custodians give it: balances by currency,
-- and holdings of type CASH where there is no balance of that currency. What is negative is owed.
with balances as (
    select
        cash.account_id,
        cash.custodian,
        cash.currency,
        -- A custodian that states one balance means it for both dates. A sweep vehicle that is not among
        -- the positions is cash beside the balance; where its value cannot be read, the cash is not known.
        coalesce(cash.trade_date_balance, cash.settlement_date_balance) + cash.swept as trade_date_balance,
        cash.settlement_date_balance + cash.swept as settlement_date_balance,
        cash.margin_debit,
        cash.rejected_values is not null as has_rejected_values
    from (
        select
            *,
            case
                when
                    not coalesce(
                        list_contains(
                            list_transform(rejected_values, rejected -> rejected.column_name), 'sweep_value'
                        ),
                        false
                    )
                    then coalesce(sweep_value, 0)
            end as swept
        from {{ ref("int_cash__sources") }}
    ) as cash
),

cash_positions as (
    select
        positions.account_id,
        positions.custodian,
        positions.currency,
        coalesce(positions.market_value, cast(positions.quantity as decimal(24, 6))) as trade_date_balance,
        cast(null as decimal(24, 6)) as settlement_date_balance,
        cast(null as decimal(24, 6)) as margin_debit,
        positions.rejected_values is not null as has_rejected_values
    from {{ ref("int_positions__sources") }} as positions
    where positions.security_type = 'CASH'
),

all_cash as (
    select
        *,
        true as is_balance
    from balances
    union all
    select
        *,
        false as is_balance
    from cash_positions
),

by_currency as (
    select
        account_id,
        min(custodian) as custodian,
        currency,
        bool_or(is_balance) as has_balance,
        bool_or(has_rejected_values) as has_rejected_values,
        count(*) filter (where is_balance and trade_date_balance is null) as unknown_balances,
        sum(trade_date_balance) filter (where is_balance) as balance,
        count(*) filter (where not is_balance and trade_date_balance is null) as unknown_positions,
        sum(trade_date_balance) filter (where not is_balance) as position_balance,
        case
            when count(*) filter (where is_balance and settlement_date_balance is null) = 0
                then sum(settlement_date_balance) filter (where is_balance)
        end as settled,
        sum(margin_debit) filter (where is_balance) as margin_debit
    from all_cash
    group by account_id, currency
),

chosen as (
    select
        *,
        case
            when has_balance then case when unknown_balances = 0 then balance end
            when unknown_positions = 0 then position_balance
        end as trade_date
    from by_currency
),

converted as (
    select
        chosen.*,
        fx_rates.dollars_per_unit,
        cast(greatest(chosen.trade_date, 0) * fx_rates.dollars_per_unit as decimal(24, 6))
            as trade_date_dollars,
        cast(
            greatest(coalesce(chosen.margin_debit, 0), -least(chosen.trade_date, 0))
            * fx_rates.dollars_per_unit
            as decimal(24, 6)
        ) as margin_debit_dollars,
        cast(chosen.settled * fx_rates.dollars_per_unit as decimal(24, 6)) as settled_dollars
    from chosen
    left join {{ ref("int_fx_rates__to_dollars") }} as fx_rates
        on
            chosen.custodian = fx_rates.custodian
            and chosen.currency = fx_rates.currency
)

select
    account_id,
    -- A zero balance needs no rate.
    bool_and(dollars_per_unit is not null or trade_date = 0) as has_exchange_rates,
    string_agg(distinct currency, ', ' order by currency) filter (
        where dollars_per_unit is null and trade_date <> 0
    )
        as currencies_without_rate,
    bool_and(trade_date is not null) as is_readable,
    bool_or(has_rejected_values) as has_rejected_values,
    bool_or(coalesce(trade_date < 0, false)) as is_overdrawn,
    max(abs(balance - position_balance)) as stated_twice_difference,
    case
        when bool_and(trade_date is not null and (dollars_per_unit is not null or trade_date = 0))
            then cast(coalesce(sum(trade_date_dollars), 0) as decimal(24, 6))
    end as trade_date,
    case
        -- bool_and leaves nulls out: a balance that is not stated by settlement must be false.
        when bool_and(settled_dollars is not null or coalesce(settled = 0, false))
            then cast(coalesce(sum(settled_dollars), 0) as decimal(24, 6))
    end as settled,
    case
        when bool_and(trade_date is not null and (dollars_per_unit is not null or trade_date = 0))
            then cast(coalesce(sum(margin_debit_dollars), 0) as decimal(24, 6))
    end as margin_debit
from converted
group by account_id
