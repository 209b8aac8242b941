-- What the proposed trades do to the year's taxes of every tax unit; nothing of a withheld plan.
select
    impact.as_of_date,
    impact.plan_id,
    impact.household_id,
    impact.tax_unit_id,
    impact.tax_year,
    impact.realized_short_term_gain,
    impact.realized_short_term_loss,
    impact.realized_long_term_gain,
    impact.realized_long_term_loss,
    impact.carryforward_used,
    impact.estimated_tax,
    impact.harvested_loss,
    impact.tax_saved_vs_waterfall,
    impact.wash_sale_exposure,
    impact.realized_collectibles_gain,
    impact.realized_collectibles_loss
from {{ source('rebalance', 'tax_impact') }} as impact
inner join {{ ref('fct_rebalance_plans') }} as judged
    on
        impact.plan_id = judged.plan_id
        and impact.as_of_date = judged.as_of_date
where
    impact.as_of_date = {{ as_of_date() }}
    and judged.plan_status <> 'withheld'
