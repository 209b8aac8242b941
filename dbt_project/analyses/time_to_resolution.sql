-- How long did each breach last: when did a class leave its band, when was it back inside, how many
-- nights between?
with nights as (

    select
        drift.household_id,
        drift.allocation_group_id,
        drift.asset_class,
        drift.as_of_date,
        drift.is_breach,
        drift.absolute_drift,
        -- Nights outside between two nights inside the band are one breach.
        count(*) filter (where not drift.is_breach) over (
            partition by drift.allocation_group_id, drift.asset_class
            order by drift.as_of_date
        ) as nights_inside_before,
        lead(drift.as_of_date) over (
            partition by drift.allocation_group_id, drift.asset_class
            order by drift.as_of_date
        ) as next_night
    from {{ ref('fct_household_drift') }} as drift
    -- On a night whose drift is not known nothing is known to have ended.
    where drift.is_breach is not null

)

select
    nights.household_id,
    nights.allocation_group_id,
    nights.asset_class,
    min(nights.as_of_date) as left_band_date,
    case when bool_or(nights.next_night is null) then null else max(nights.next_night) end
        as back_inside_date,
    count(*) as nights_outside,
    max(abs(nights.absolute_drift)) as largest_drift
from nights
where nights.is_breach
group by nights.household_id, nights.allocation_group_id, nights.asset_class, nights.nights_inside_before
order by nights_outside desc, nights.household_id asc, nights.asset_class asc, left_band_date asc
