with earlier as (
    {{ rows_as_they_stand(
        "dim_accounts",
        {
            "as_of_date": "date",
            "account_id": "varchar",
            "account_state": "varchar",
            "account_state_since_date": "date",
        }
    ) }}
),

last_night as (
    select
        account_id,
        account_state,
        coalesce(account_state_since_date, as_of_date) as account_state_since_date
    from earlier
    where
        as_of_date = (
            select max(known.as_of_date) from earlier as known
            where known.as_of_date < {{ as_of_date() }}
        )
)

select
    {{ as_of_date() }} as as_of_date,
    states.account_id,
    states.household_id,
    states.custodian,
    {{ masked_number("states.account_number") }} as account_number_masked,
    states.account_name,
    states.account_type,
    states.tax_treatment,
    states.allocation_group_id,
    states.tax_unit_id,
    states.wash_sale_group_id,
    states.counts_toward_allocation,
    states.is_tradable,
    states.counts_for_wash_sales,
    states.account_status,
    states.minimum_cash,
    states.permitted_list,
    states.lot_method,
    states.custodian_lot_method,
    states.is_discretionary,
    states.is_margin,
    states.base_currency,
    states.account_state,
    states.account_state_reason,
    states.who_must_act,
    coalesce(last_night.account_state_since_date, {{ as_of_date() }}) as account_state_since_date,
    states.trading_blocked_reason is not null as is_trading_blocked,
    states.trading_blocked_reason,
    states.market_value,
    case when owners.holder_count = 1 then owners.owner_person_id end as owner_person_id,
    owners.holder_count > 1 as is_jointly_owned,
    cast(basis.basis_factor as decimal(18, 10)) as basis_factor
from {{ ref("int_accounts__states") }} as states
left join {{ ref("int_accounts__owners") }} as owners on states.account_id = owners.account_id
left join {{ ref("int_accounts__basis") }} as basis on states.account_id = basis.account_id
left join last_night
    on
        states.account_id = last_night.account_id
        and states.account_state = last_night.account_state
