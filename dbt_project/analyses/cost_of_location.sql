-- What does it cost a year that classes stand in the wrong kind of account, household by household?
select
    location.household_id,
    sum(location.annual_tax_drag) as yearly_tax,
    sum(location.annual_tax_drag) filter (where not location.is_well_located) as yearly_tax_misplaced,
    sum(location.market_value) filter (where not location.is_well_located) as misplaced_value,
    max_by(location.asset_class, location.annual_tax_drag) filter (where not location.is_well_located)
        as dearest_class
from {{ ref('fct_asset_location') }} as location
where location.as_of_date = (select night.as_of_date from {{ ref('published_night_current') }} as night)
group by all
order by yearly_tax_misplaced desc nulls last, location.household_id asc
