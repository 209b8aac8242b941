with earlier as (
    {{ rows_as_they_stand(
        "dim_households",
        {
            "as_of_date": "date",
            "household_id": "varchar",
            "data_state": "varchar",
            "data_state_since_date": "date",
        }
    ) }}
),

last_night as (
    select
        household_id,
        data_state,
        coalesce(data_state_since_date, as_of_date) as data_state_since_date
    from earlier
    where
        as_of_date = (
            select max(known.as_of_date) from earlier as known
            where known.as_of_date < {{ as_of_date() }}
        )
)

select
    {{ as_of_date() }} as as_of_date,
    states.household_id,
    states.household_name,
    states.advisor_id,
    states.advisor_name,
    coalesce(states.report_language, {{ policy_text("report_language") }}) as report_language,
    settings.allows_short_term_gains,
    settings.harvests_losses,
    cast(settings.minimum_trade_amount as decimal(24, 6)) as minimum_trade_amount,
    states.annual_gains_budget,
    states.household_state,
    states.state_reason,
    states.data_state,
    case states.data_state
        when 'complete' then null
        when 'frozen' then states.account_reason
        when 'lots_pending' then states.account_reason
        else states.state_reason
    end as data_state_reason,
    states.who_must_act,
    coalesce(last_night.data_state_since_date, {{ as_of_date() }}) as data_state_since_date,
    states.market_value,
    states.uncertain_weight
from {{ ref("int_households__states") }} as states
inner join {{ ref("int_household_settings__resolved") }} as settings
    on states.household_id = settings.household_id
left join last_night
    on
        states.household_id = last_night.household_id
        and states.data_state = last_night.data_state
