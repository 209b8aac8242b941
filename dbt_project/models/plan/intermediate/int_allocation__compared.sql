-- Value and weight of every class of every allocation group before and after the proposed trades.
-- Before is the book's drift; after is that plus the trades, by the classes of the traded securities
-- and with their costs and the payments that are due taken out of cash: nothing is taken from the
-- planner but the trades. Cash that is reserved for a payment is no cash of the allocation, neither
-- before (is_breach of the drift) nor after: a plan that raises a withdrawal is judged on what the
-- group holds once it is paid. The base after is the base before less costs and payments, on purpose
-- not the sum of the classes: that the classes fill it is judged by the verification. Weights are of the
-- household's basis: after tax, a dollar in a tax-deferred account counts what the tax expected in retirement
-- leaves of it; the values stay market dollars.
with trades as (

    select *
    from {{ ref('int_plans__trades_joined') }}
    where
        counts_toward_allocation
        and allocation_group_id is not null

),

security_classes as (

    select *
    from {{ ref('dim_security_asset_classes') }}
    where as_of_date = {{ as_of_date() }}

),

drift as (

    select *
    from {{ ref('fct_household_drift') }}
    where as_of_date = {{ as_of_date() }}

),

groups as (

    select
        allocation_group_id,
        household_id,
        value_basis,
        case value_basis when 'after_tax' then after_tax_value else market_value end as basis_value
    from {{ ref('fct_drift_summary') }}
    where as_of_date = {{ as_of_date() }}

),

accounts as (

    select
        account_id,
        allocation_group_id,
        basis_factor
    from {{ ref('dim_accounts') }}
    where
        as_of_date = {{ as_of_date() }}
        and counts_toward_allocation
        and account_status <> 'closed'
        and allocation_group_id is not null

),

-- fees due are out of the base already
payments as (

    select
        accounts.allocation_group_id,
        sum(cash.flow_reserve) as due_value,
        sum(cash.flow_reserve * accounts.basis_factor) as due_basis_value
    from accounts
    inner join {{ ref('fct_account_cash') }} as cash
        on
            accounts.account_id = cash.account_id
            and cash.as_of_date = {{ as_of_date() }}
    group by all

),

changes as (

    select
        trades.allocation_group_id,
        security_classes.asset_class,
        case trades.action when 'buy' then 1 else -1 end * trades.notional * security_classes.weight
            as value_change,
        value_change * accounts.basis_factor as basis_change
    from trades
    inner join accounts on trades.account_id = accounts.account_id
    inner join security_classes on trades.security_id = security_classes.security_id
    union all
    select
        trades.allocation_group_id,
        'Cash' as asset_class,
        case trades.action when 'buy' then -1 else 1 end * trades.notional - trades.trade_cost
            as value_change,
        value_change * accounts.basis_factor as basis_change
    from trades
    inner join accounts on trades.account_id = accounts.account_id
    union all
    select
        payments.allocation_group_id,
        'Cash' as asset_class,
        -payments.due_value as value_change,
        -payments.due_basis_value as basis_change
    from payments
    where payments.allocation_group_id in (select trades.allocation_group_id from trades)

),

class_changes as (

    select
        allocation_group_id,
        asset_class,
        sum(value_change) as value_change,
        sum(basis_change) as basis_change
    from changes
    group by all

),

group_costs as (

    select
        trades.allocation_group_id,
        sum(trades.trade_cost * accounts.basis_factor) + coalesce(any_value(payments.due_basis_value), 0)
            as basis_out,
        count(*) as trade_count
    from trades
    inner join accounts on trades.account_id = accounts.account_id
    left join payments on trades.allocation_group_id = payments.allocation_group_id
    group by all

),

classes as (

    select
        drift.asset_class_rank,
        coalesce(drift.allocation_group_id, class_changes.allocation_group_id) as allocation_group_id,
        coalesce(drift.asset_class, class_changes.asset_class) as asset_class,
        -- a class that is neither held nor targeted has no drift row: weight and target are nothing
        coalesce(drift.target_weight, 0) as target_weight,
        coalesce(drift.actual_weight, 0) as pre_trade_weight,
        coalesce(drift.lower_band_weight, 0) as lower_band_weight,
        coalesce(
            drift.upper_band_weight,
            {{ band_half_width(
                "cast(0 as decimal(18, 10))",
                "settings.default_absolute_band",
                "settings.default_relative_band",
                "settings.default_band_rule",
                "settings.default_band_floor"
            ) }}
        ) as upper_band_weight,
        not coalesce(drift.is_breach, false) as is_within_band_before,
        coalesce(drift.market_value, 0) as pre_trade_value,
        coalesce(drift.market_value, 0) + coalesce(class_changes.value_change, 0) as post_trade_value,
        coalesce(
            case drift.value_basis when 'after_tax' then drift.after_tax_value else drift.market_value end, 0
        )
        + coalesce(class_changes.basis_change, 0) as post_trade_basis_value
    from drift
    full outer join class_changes
        on
            drift.allocation_group_id = class_changes.allocation_group_id
            and drift.asset_class = class_changes.asset_class
    left join {{ ref('int_groups__settings') }} as settings
        on
            coalesce(drift.allocation_group_id, class_changes.allocation_group_id)
            = settings.allocation_group_id

)

select
    groups.household_id,
    classes.allocation_group_id,
    classes.asset_class,
    classes.asset_class_rank,
    classes.is_within_band_before,
    cast(classes.target_weight as decimal(18, 10)) as target_weight,
    cast(classes.lower_band_weight as decimal(18, 10)) as lower_band_weight,
    cast(classes.upper_band_weight as decimal(18, 10)) as upper_band_weight,
    cast(classes.pre_trade_value as decimal(24, 6)) as pre_trade_value,
    cast(classes.post_trade_value as decimal(24, 6)) as post_trade_value,
    cast(classes.pre_trade_weight as decimal(18, 10)) as pre_trade_weight,
    case
        -- without a trade nothing is recomputed: the weight is the drift's, digit for digit
        when group_costs.trade_count is null then cast(classes.pre_trade_weight as decimal(18, 10))
        else cast(
            classes.post_trade_basis_value / nullif(groups.basis_value - group_costs.basis_out, 0)
            as decimal(18, 10)
        )
    end as post_trade_weight,
    coalesce(group_costs.trade_count, 0) as trade_count,
    groups.value_basis,
    cast(classes.post_trade_basis_value as decimal(24, 6)) as post_trade_basis_value
from classes
inner join groups on classes.allocation_group_id = groups.allocation_group_id
left join group_costs on classes.allocation_group_id = group_costs.allocation_group_id
