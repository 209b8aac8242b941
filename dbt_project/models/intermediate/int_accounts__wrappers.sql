-- Plans that show an account they wrap as one holding, with that holding's value and what the wrapped
-- accounts say they are worth. The value counts once: in the wrapped account where it is delivered.
with held_values as (
    select
        account_id,
        currency,
        coalesce(market_value, case when security_type = 'CASH' then cast(quantity as decimal(24, 6)) end)
            as market_value
    from {{ ref("int_positions__sources") }}
    where
        not is_wrapper_row
        -- A balance goes before a cash holding.
        and (
            coalesce(security_type, '') <> 'CASH'
            or account_id not in (select cash.account_id from {{ ref("int_cash__sources") }} as cash)
        )
    union all
    select
        account_id,
        currency,
        coalesce(trade_date_balance, settlement_date_balance) as market_value
    from {{ ref("int_cash__sources") }}
),

wrapped_values as (
    select
        links.parent_account_id,
        count(distinct links.account_id) as wrapped_account_count,
        count(distinct held_values.account_id) as delivered_account_count,
        case
            when
                count(held_values.market_value) = count(held_values.account_id)
                and bool_and(coalesce(held_values.currency, 'USD') = 'USD')
                then cast(sum(held_values.market_value) as decimal(24, 6))
        end as wrapped_value
    from {{ ref("int_accounts__links") }} as links
    left join held_values on links.account_id = held_values.account_id
    group by links.parent_account_id
),

wrapper_rows as (
    select
        account_id,
        min(custodian) as custodian,
        bool_and(is_counted_elsewhere) as is_counted_elsewhere,
        case when count(market_value) = count(*) then cast(sum(market_value) as decimal(24, 6)) end
            as stated_value,
        min(source_file_id) as source_file_id,
        arg_min(source_row_number, source_file_id || lpad(cast(source_row_number as varchar), 12, '0'))
            as source_row_number
    from {{ ref("int_positions__sources") }}
    where is_wrapper_row
    group by account_id
)

select
    coalesce(wrapper_rows.account_id, wrapped_values.parent_account_id) as account_id,
    wrapper_rows.account_id is not null as has_wrapper_row,
    coalesce(wrapper_rows.is_counted_elsewhere, false) as is_counted_elsewhere,
    wrapper_rows.stated_value,
    coalesce(wrapped_values.wrapped_account_count, 0) as wrapped_account_count,
    coalesce(wrapped_values.delivered_account_count, 0) as delivered_account_count,
    wrapped_values.wrapped_value,
    wrapper_rows.source_file_id,
    wrapper_rows.source_row_number
from wrapper_rows
full outer join wrapped_values on wrapper_rows.account_id = wrapped_values.parent_account_id
