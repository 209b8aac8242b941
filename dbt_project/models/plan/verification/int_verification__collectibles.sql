{{ config(schema='intermediate') }}

-- Gain from collectibles (IRC 1(h)(4)-(5), 408(m)): whether a plan knows it where it sells it, adds it
-- up, and taxes it for what it is. One row per violation.
with trade_lots as (

    -- a part of a young loss counts as long-term, another not at all (IRC 852(b)(4))
    select
        *,
        case
            when expected_term = 'long' then realized_gain + coalesce(disallowed_loss, 0)
            else coalesce(recharacterized_loss, 0)
        end as long_term_result
    from {{ ref('int_plans__trade_lots_joined') }}
    where
        tax_treatment = 'taxable'
        and (expected_term = 'long' or coalesce(recharacterized_loss, 0) <> 0)
        and coalesce(is_collectible, true)

),

impact as (

    select *
    from {{ source('rebalance', 'tax_impact') }}
    where as_of_date = {{ as_of_date() }}

),

totals as (

    select
        household_id,
        plan_id,
        tax_unit_id,
        count(*) as lot_count,
        sum(greatest(long_term_result, 0)) as gain,
        sum(least(long_term_result, 0)) as loss
    from trade_lots
    where is_collectible
    group by household_id, plan_id, tax_unit_id

),

compared as (

    select
        impact.household_id,
        impact.plan_id,
        impact.tax_unit_id,
        impact.estimated_tax,
        impact.realized_collectibles_gain,
        impact.realized_collectibles_loss,
        impact.realized_short_term_loss + impact.realized_long_term_loss as losses,
        coalesce(totals.gain, 0) as gain,
        coalesce(totals.loss, 0) as loss,
        coalesce(totals.lot_count, 1) * 0.01 as tolerance,
        states.marginal_ordinary_rate - states.state_rate as federal_rate,
        states.short_term_carryforward + states.long_term_carryforward as carryforward,
        states.year_to_date_short_term_gain >= 0 and states.year_to_date_long_term_gain >= 0
            as has_no_loss_so_far
    from impact
    left join totals
        on
            impact.plan_id = totals.plan_id
            and impact.tax_unit_id = totals.tax_unit_id
    left join {{ source('tax', 'tax_unit_states') }} as states
        on
            impact.tax_unit_id = states.tax_unit_id
            and impact.tax_year = states.tax_year
            and impact.as_of_date = states.as_of_date

)

select
    household_id,
    plan_id,
    'collectibles_are_taxed_as_such' as check_name,
    account_label || ': lot ' || lot_id || ' of ' || security_label || ' is long term, and nobody has said '
    || 'whether its gain is gain from collectibles' as detail
from trade_lots
where is_collectible is null and expected_term = 'long'
union all
select
    household_id,
    plan_id,
    'collectibles_are_taxed_as_such' as check_name,
    'tax unit ' || tax_unit_id || ': gains of $' || coalesce(realized_collectibles_gain::varchar, 'nothing')
    || ' and losses of $' || coalesce(realized_collectibles_loss::varchar, 'nothing')
    || ' from collectibles are stated, its lots have $' || gain || ' and $' || loss as detail
from compared
where
    coalesce(abs(realized_collectibles_gain - gain) > tolerance, true)
    or coalesce(abs(realized_collectibles_loss - loss) > tolerance, true)
union all
-- Where no loss of any kind is there to offset it and the owner's ordinary rate is above 28 percent,
-- the gain costs 28 percent at least, whatever comes on top.
select
    household_id,
    plan_id,
    'collectibles_are_taxed_as_such' as check_name,
    'tax unit ' || tax_unit_id || ': a tax of $' || estimated_tax || ' is less than 28 percent of $' || gain
    || ' from collectibles' as detail
from compared
where
    federal_rate > 0.28
    and carryforward = 0
    and has_no_loss_so_far
    and losses = 0
    and estimated_tax < 0.28 * gain - tolerance
