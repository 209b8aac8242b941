{{ config(schema='intermediate') }}

-- What a household has set for itself: that no plan is made on settings that cannot be used, that weights
-- count what the household wants counted, and that a household of whole rebalances gets no part of one. One
-- row per violation.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}

),

settings as (

    select
        household_id,
        setting,
        setting_value,
        is_usable
    from {{ ref('fct_household_settings') }}
    where
        as_of_date = {{ as_of_date() }}
        and subject_type = 'household'

),

traded as (

    select distinct
        household_id,
        plan_id
    from trades

),

drift as (

    select *
    from {{ ref('fct_household_drift') }}
    where as_of_date = {{ as_of_date() }}

),

-- A class that is not checked tonight may stay where it is, and one that a flow in sight cures waits.
left_outside as (

    select
        compared.allocation_group_id,
        string_agg(compared.asset_class, ', ' order by compared.asset_class) as asset_classes
    from {{ ref('int_allocation__compared') }} as compared
    left join drift
        on
            compared.allocation_group_id = drift.allocation_group_id
            and compared.asset_class = drift.asset_class
    where
        compared.asset_class <> 'Unmapped'
        and coalesce(drift.is_check_due, true)
        and not coalesce(drift.is_breach and not drift.is_breach_projected, false)
        and (
            compared.post_trade_weight < compared.lower_band_weight - 0.000000001
            or compared.post_trade_weight > compared.upper_band_weight + 0.000000001
        )
    group by compared.allocation_group_id

),

cash_raising_accounts as (

    select account_id
    from {{ ref('fct_account_cash') }}
    where
        as_of_date = {{ as_of_date() }}
        and investable < 0

)

select
    traded.household_id,
    traded.plan_id,
    'settings_are_usable' as check_name,
    case
        when count(settings.setting) = 0 then 'no setting of the household is known'
        else
            string_agg(
                case when not settings.is_usable then settings.setting || ' = ' || settings.setting_value end,
                ', ' order by settings.setting
            )
            || ' cannot be used'
    end as detail
from traded
left join settings on traded.household_id = settings.household_id
group by traded.household_id, traded.plan_id
having count(settings.setting) filter (where settings.is_usable) < count(*)
union all
select distinct
    traded.household_id,
    traded.plan_id,
    'weights_count_what_the_household_wants' as check_name,
    'the weights of ' || drift.allocation_group_id || ' are ' || drift.value_basis
    || ', the household wants ' || settings.setting_value as detail
from traded
inner join settings
    on
        traded.household_id = settings.household_id
        and settings.setting = 'allocation_basis'
inner join drift
    on
        traded.household_id = drift.household_id
        and settings.setting_value <> drift.value_basis
union all
select distinct
    trades.household_id,
    trades.plan_id,
    'rebalance_is_whole' as check_name,
    'allocation group ' || trades.allocation_group_id || ' is rebalanced in part: '
    || left_outside.asset_classes || ' stays outside its band' as detail
from trades
inner join settings
    on
        trades.household_id = settings.household_id
        and settings.setting = 'partial_rebalance'
        and settings.setting_value = 'always_whole'
inner join left_outside on trades.allocation_group_id = left_outside.allocation_group_id
where
    trades.run_mode = 'rebalance'
    and trades.account_id not in (select cash_raising_accounts.account_id from cash_raising_accounts)
