-- The year's gains and losses of every tax return, netted line by line as Schedule D does, with the
-- proposed trades. Netting is written a second time here, in SQL: the planner's own is in Python.
-- Sources: IRC 1211(b) (deduction from income), 1212(b) (what is carried into the next year, by
-- character), 1222; Schedule D and its Capital Loss Carryover Worksheet.
with returns as (

    select
        plans.as_of_date,
        plans.plan_id,
        plans.household_id,
        states.tax_unit_id,
        states.tax_year,
        states.ordinary_taxable_income,
        states.year_to_date_short_term_gain as short_so_far,
        states.year_to_date_long_term_gain as long_so_far,
        -states.short_term_carryforward as short_carried_in,
        -states.long_term_carryforward as long_carried_in,
        -- A return of which the plan sells nothing has no row of its own there: nothing is added.
        coalesce(impact.realized_short_term_gain, 0) as short_gain,
        coalesce(impact.realized_short_term_loss, 0) as short_loss,
        coalesce(impact.realized_long_term_gain, 0) as long_gain,
        coalesce(impact.realized_long_term_loss, 0) as long_loss,
        limits.annual_deduction
    from {{ ref('fct_rebalance_plans') }} as plans
    inner join {{ source('tax', 'tax_unit_states') }} as states
        on
            plans.household_id = states.household_id
            and plans.as_of_date = states.as_of_date
            and year(plans.planned_trade_date) = states.tax_year
    left join {{ source('rebalance', 'tax_impact') }} as impact
        on
            plans.plan_id = impact.plan_id
            and plans.as_of_date = impact.as_of_date
            and states.tax_unit_id = impact.tax_unit_id
            and states.tax_year = impact.tax_year
    left join {{ ref('seed_capital_loss_limits') }} as limits
        on states.filing_status = limits.filing_status
    where
        plans.as_of_date = {{ as_of_date() }}
        and plans.plan_id is not null
        and plans.plan_status not in ('withheld', 'waiting_for_feed')

),

summed as (

    select
        *,
        short_so_far + short_carried_in as short_without,
        long_so_far + long_carried_in as long_without,
        short_without + short_gain + short_loss as net_short,
        long_without + long_gain + long_loss as net_long,
        net_short + net_long as net
    from returns

),

-- What is not known must stay so: least and greatest would pass over it.
netted as (

    select
        *,
        case when net < 0 then least(annual_deduction, -net) when net >= 0 then 0 end as deduction,
        -- The carryover counts only the deduction that taxable income could absorb.
        case
            when deduction is not null and ordinary_taxable_income is not null
                then least(deduction, greatest(ordinary_taxable_income, 0))
        end as absorbed,
        case when net > 0 then greatest(least(net_short, net), 0) when net <= 0 then 0 end as taxed_short,
        case when net > 0 then greatest(least(net_long, net), 0) when net <= 0 then 0 end as taxed_long,
        case
            when absorbed is not null
                then least(0, net_short + greatest(net_long, 0) + absorbed)
        end as short_carried_out,
        case
            when absorbed is not null
                then least(0, net_long + greatest(net_short + absorbed, 0))
        end as long_carried_out
    from summed

),

lines as (

    {% for line, short, long in [
        ('realized_so_far', 'short_so_far', 'long_so_far'),
        ('carried_in', 'short_carried_in', 'long_carried_in'),
        ('net_without_plan', 'short_without', 'long_without'),
        ('gains_of_plan', 'short_gain', 'long_gain'),
        ('losses_of_plan', 'short_loss', 'long_loss'),
        ('net_with_plan', 'net_short', 'net_long'),
        ('taxed', 'taxed_short', 'taxed_long'),
        ('deducted_from_income', 'null', 'null'),
        ('carried_out', 'short_carried_out', 'long_carried_out')
    ] %}
        select
            as_of_date,
            plan_id,
            household_id,
            tax_unit_id,
            tax_year,
            {{ loop.index }} as line_rank,
            '{{ line }}' as line,
            {{ short }} as short_term,
            {{ long }} as long_term,
            {{ '-deduction' if short == 'null' else short ~ ' + ' ~ long }} as total
        from netted
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    lines.as_of_date,
    lines.plan_id,
    lines.household_id,
    lines.tax_unit_id,
    lines.tax_year,
    lines.line_rank,
    lines.line,
    cast(lines.short_term as decimal(24, 6)) as short_term_amount,
    cast(lines.long_term as decimal(24, 6)) as long_term_amount,
    cast(lines.total as decimal(24, 6)) as total_amount
from lines
