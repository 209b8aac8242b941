-- What are tonight's plans worth, term by term, beside the waterfall's? Negative is a gain for the
-- households.
select
    terms.term,
    count(*) as plans,
    sum(terms.amount) as amount,
    sum(terms.waterfall_amount) as waterfall_amount,
    sum(terms.amount - terms.waterfall_amount) as difference
from {{ ref('fct_plan_values') }} as terms
where terms.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by difference, terms.term
