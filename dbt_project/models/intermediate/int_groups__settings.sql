-- What holds for each allocation group: the settings of its household, and when it is reviewed next.
with settled as (
    select
        allocation_groups.allocation_group_id,
        allocation_groups.household_id,
        allocation_groups.review_frequency,
        allocation_groups.last_review_date,
        allocation_groups.ips_changed_date,
        -- A household that its file does not hold has the firm's settings and is not traded.
        {% for setting in household_settings() if setting["name"] in [
            "default_absolute_band", "default_relative_band", "default_band_rule", "default_band_floor",
            "check_frequency", "rebalance_trigger", "allocation_basis",
        ] -%}
            coalesce(settings.{{ setting["name"] }}, {{ firm_setting(setting) }}) as {{ setting["name"] }},
        {% endfor -%}
        case
            when allocation_groups.review_frequency is null then null
            when allocation_groups.last_review_date is null then {{ as_of_date() }}
            else
                {{ date_after_period(
                    "allocation_groups.last_review_date", "allocation_groups.review_frequency"
                ) }}
        end as next_review_date
    from {{ ref("stg_allocation_groups") }} as allocation_groups
    left join {{ ref("int_household_settings__resolved") }} as settings
        on allocation_groups.household_id = settings.household_id
)

select
    *,
    coalesce(next_review_date <= {{ as_of_date() }}, false) as is_review_due,
    -- Of what is held without a target of its own: checked with the household's frequency.
    {{ next_check_date("check_frequency", "last_review_date") }} as next_check_date
from settled
