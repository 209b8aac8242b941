-- Targets of each Investment Policy Statement at every level, with their bands. A class that has no
-- target of its own has the sum of the targets beneath it; a security counts in its sub-class's target
-- where the sub-class has one. What the statement leaves open (bands, how often it is checked) is the
-- household's, or the firm's.
with registry_keys as (
    select
        id_value as target_key,
        min(security_id) as security_id
    from {{ ref("stg_security_registry") }}
    where id_type in ('TICKER', 'CUSIP')
    group by id_value
),

sub_classes as (
    -- A sub-class that lies in several classes cannot carry a target: it says not which class it fills.
    select
        sub_class,
        case when count(distinct asset_class) = 1 then min(asset_class) end as asset_class
    from (
        select
            sub_class,
            asset_class
        from {{ ref("seed_security_asset_classes") }}
        union
        select
            sub_class,
            asset_class
        from {{ ref("stg_security_classifications") }}
        union
        select
            sub_class,
            asset_class
        from {{ ref("stg_model_securities") }}
    ) as named
    where sub_class is not null
    group by sub_class
),

stated as (
    select
        targets.allocation_group_id,
        targets.target_level,
        targets.target_key,
        targets.target_weight,
        targets.absolute_band,
        targets.relative_band,
        targets.band_rule,
        targets.band_floor,
        targets.check_frequency,
        targets.last_check_date,
        registry_keys.security_id,
        case targets.target_level
            when 'class' then asset_classes.asset_class
            when 'sub_class' then sub_classes.asset_class
        end as asset_class
    from {{ ref("stg_ips_targets") }} as targets
    left join {{ ref("seed_asset_classes") }} as asset_classes
        on targets.target_level = 'class' and targets.target_key = asset_classes.asset_class
    left join sub_classes
        on targets.target_level = 'sub_class' and targets.target_key = sub_classes.sub_class
    left join registry_keys
        on
            targets.target_level = 'security'
            and {{ as_ticker("targets.target_key") }} = registry_keys.target_key
),

security_parts as (
    select
        stated.allocation_group_id,
        stated.target_key,
        classified.asset_class,
        classified.sub_class,
        cast(stated.target_weight * classified.weight as decimal(18, 10)) as target_weight
    from stated
    inner join {{ ref("int_securities__classified") }} as classified
        on stated.security_id = classified.security_id
    where classified.asset_class <> 'Unmapped'
),

beneath_sub_classes as (
    select
        security_parts.allocation_group_id,
        security_parts.sub_class as target_key,
        cast(sum(security_parts.target_weight) as decimal(18, 10)) as derived_weight
    from security_parts
    group by security_parts.allocation_group_id, security_parts.sub_class
),

beneath_classes as (
    select
        parts.allocation_group_id,
        parts.asset_class,
        cast(sum(parts.target_weight) as decimal(18, 10)) as derived_weight
    from (
        select
            allocation_group_id,
            asset_class,
            target_weight
        from stated
        where target_level = 'sub_class' and asset_class is not null
        union all
        select
            security_parts.allocation_group_id,
            security_parts.asset_class,
            security_parts.target_weight
        from security_parts
        left join stated
            on
                security_parts.allocation_group_id = stated.allocation_group_id
                and stated.target_level = 'sub_class'
                and security_parts.sub_class = stated.target_key
        where stated.target_key is null
    ) as parts
    group by parts.allocation_group_id, parts.asset_class
),

security_classes as (
    select
        security_id,
        max_by(asset_class, weight) as asset_class
    from {{ ref("int_securities__classified") }}
    where asset_class <> 'Unmapped'
    group by security_id
),

all_targets as (
    select
        coalesce(stated.allocation_group_id, beneath_classes.allocation_group_id) as allocation_group_id,
        'class' as target_level,
        coalesce(stated.target_key, beneath_classes.asset_class) as target_key,
        coalesce(stated.asset_class, beneath_classes.asset_class) as asset_class,
        cast(null as varchar) as security_id,
        stated.target_weight as stated_weight,
        beneath_classes.derived_weight,
        stated.absolute_band,
        stated.relative_band,
        stated.band_rule,
        stated.band_floor,
        stated.check_frequency,
        stated.last_check_date
    from (
        select * from stated
        where target_level = 'class'
    ) as stated
    full outer join beneath_classes
        on
            stated.allocation_group_id = beneath_classes.allocation_group_id
            and stated.asset_class = beneath_classes.asset_class
    union all
    select
        stated.allocation_group_id,
        stated.target_level,
        stated.target_key,
        coalesce(stated.asset_class, security_classes.asset_class) as asset_class,
        stated.security_id,
        stated.target_weight as stated_weight,
        beneath_sub_classes.derived_weight,
        stated.absolute_band,
        stated.relative_band,
        stated.band_rule,
        stated.band_floor,
        stated.check_frequency,
        stated.last_check_date
    from stated
    left join beneath_sub_classes
        on
            stated.target_level = 'sub_class'
            and stated.allocation_group_id = beneath_sub_classes.allocation_group_id
            and stated.target_key = beneath_sub_classes.target_key
    left join security_classes on stated.security_id = security_classes.security_id
    where stated.target_level in ('sub_class', 'security')
),

settled as (
    select
        all_targets.* exclude (
            absolute_band, relative_band, band_rule, band_floor, check_frequency, last_check_date
        ),
        coalesce(all_targets.stated_weight, all_targets.derived_weight) as target_weight,
        coalesce(all_targets.check_frequency, settings.check_frequency, {{ policy_text("check_frequency") }})
            as check_frequency,
        coalesce(all_targets.last_check_date, settings.last_review_date) as last_check_date,
        coalesce(settings.is_review_due, false) as is_review_due,
        {% for band, kind in {
            "absolute_band": "number", "relative_band": "number", "band_rule": "word", "band_floor": "number",
        }.items() -%}
            coalesce(
                all_targets.{{ band }},
                settings.default_{{ band }},
                {{ firm_setting({"name": "default_" ~ band, "kind": kind}) }}
            ) as {{ band }}
            {%- if not loop.last %},{% endif %}
        {% endfor %}
    from all_targets
    left join {{ ref("int_groups__settings") }} as settings
        on all_targets.allocation_group_id = settings.allocation_group_id
),

scheduled as (
    select
        *,
        {{ next_check_date("check_frequency", "last_check_date") }} as next_check_date
    from settled
)

select
    allocation_group_id,
    target_level,
    target_key,
    asset_class,
    security_id,
    stated_weight,
    derived_weight,
    target_weight,
    asset_class is not null as is_key_known,
    {{ band_half_width("target_weight", "absolute_band", "relative_band", "band_rule", "band_floor") }}
        as band_half_width,
    check_frequency,
    next_check_date,
    -- The review of the whole group is a check of everything in it.
    is_review_due or coalesce(next_check_date <= {{ as_of_date() }}, true) as is_check_due
from scheduled
where target_weight is not null
