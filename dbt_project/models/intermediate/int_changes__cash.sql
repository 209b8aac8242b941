-- Cash against that of the last night, and whether the transactions since explain it, in the three
-- readings of "since". Balances in dollars alone, so that no rate moves them, of accounts that both nights
-- hold and whose transactions tonight's files tell.
with dollar_accounts as (
    select account_id
    from {{ ref("int_cash__sources") }}
    group by account_id
    having bool_and(coalesce(currency = 'USD', false))
),

activity as (
    select
        account_id,
        case when count(cash_traded) = count(*) then sum(cash_traded) end as cash_traded,
        case when count(cash_settled) = count(*) then sum(cash_settled) end as cash_settled,
        case when count(cash_told) = count(*) then sum(cash_told) end as cash_told,
        sum(swept_traded) as swept_traded,
        sum(swept_settled) as swept_settled,
        sum(swept_told) as swept_told
    from {{ ref("int_changes__activity") }}
    group by account_id
),

-- What a sweep into a money fund takes out of the balance stands in the fund.
sweeps as (
    select
        changes.account_id,
        sum(changes.quantity - changes.previous_quantity) as swept_quantity
    from {{ ref("int_changes__positions") }} as changes
    inner join {{ ref("int_securities__described") }} as securities
        on changes.security_id = securities.security_id and securities.security_type = 'MONEY_MARKET'
    group by changes.account_id
),

compared_accounts as (
    select distinct account_id
    from {{ ref("int_changes__positions") }}
)

select
    tonight.account_id,
    earlier.previous_date,
    earlier.cash as previous_cash,
    tonight.trade_date - coalesce(tonight.margin_debit, 0) as cash,
    coalesce(activity.cash_traded, 0) as cash_traded,
    {% for reading in ["traded", "settled", "told"] -%}
        abs(
            tonight.trade_date - coalesce(tonight.margin_debit, 0) - earlier.cash
            - coalesce(activity.cash_{{ reading }}, 0)
        ) <= 0.01
        or abs(
            tonight.trade_date - coalesce(tonight.margin_debit, 0) - earlier.cash
            + coalesce(sweeps.swept_quantity, 0)
            - (coalesce(activity.cash_{{ reading }}, 0) - coalesce(activity.swept_{{ reading }}, 0))
        ) <= 0.01
            as is_explained_{{ reading }},
    {% endfor %}
    activity.account_id is not null
    and (activity.cash_traded is null or activity.cash_settled is null or activity.cash_told is null)
        as has_foreign_activity
from {{ ref("int_cash__by_account") }} as tonight
inner join dollar_accounts on tonight.account_id = dollar_accounts.account_id
inner join {{ ref("int_changes__cash_before") }} as earlier on tonight.account_id = earlier.account_id
inner join compared_accounts on tonight.account_id = compared_accounts.account_id
left join activity on tonight.account_id = activity.account_id
left join sweeps on tonight.account_id = sweeps.account_id
where tonight.trade_date is not null
