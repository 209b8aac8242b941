{{ config(schema='intermediate') }}

-- Cash of every account that a plan touches: recomputed from the book's cash and the proposed trades.
-- One row per violation. Cash never moves between accounts, so each account is judged by itself.
with changes as (

    select
        household_id,
        plan_id,
        account_id,
        account_label,
        sum(case action when 'sell' then notional - trade_cost else 0 end) as cash_raised,
        sum(case action when 'buy' then notional + trade_cost else 0 end) as cash_spent
    from {{ ref('int_plans__trades_joined') }}
    group by all

),

cash as (

    select
        account_id,
        minimum,
        -- what is left after reserves and margin, before the minimum is set aside
        investable + minimum as available
    from {{ ref('fct_account_cash') }}
    where as_of_date = {{ as_of_date() }}

),

judged as (

    select
        changes.*,
        cash.available,
        cash.available + changes.cash_raised - changes.cash_spent as available_after,
        greatest(
            least(cash.minimum, cash.available), case when changes.cash_spent > 0 then 0 end
        ) as required_after
    from changes
    left join cash on changes.account_id = cash.account_id

)

select
    household_id,
    plan_id,
    'account_cash_is_not_overdrawn' as check_name,
    case
        when available is null then account_label || ': no cash is known for this account'
        else
            account_label
            || format(': ${:,.2f} would be left after the trades', cast(available_after as double))
            || format(', at least ${:,.2f} must stay', cast(required_after as double))
    end as detail
from judged
-- one cent: the custodian settles in cents
where available is null or available_after < required_after - 0.01
