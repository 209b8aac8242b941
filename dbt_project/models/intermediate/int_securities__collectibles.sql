-- Whether the long-term gain of a security is gain from collectibles (IRC 1(h)(5)-(6), 408(m)): the
-- firm's word, else the list of trusts that hold bullion. What sounds like such a trust and is on no list
-- is unknown; everything else is not one. A mutual fund is a corporation for tax, whatever it holds.
with firm_words as (
    select
        identified.security_id,
        bool_or(classifications.is_collectible) as any_collectible,
        bool_and(classifications.is_collectible) as all_collectible
    from {{ ref("stg_security_classifications") }} as classifications
    inner join {{ ref("int_securities__identified") }} as identified
        on classifications.security_key = identified.security_key
    where classifications.is_collectible is not null
    group by identified.security_id
),

sounds as (
    select
        security_id,
        bool_or({{ sounds_like_metal("sub_class") }}) as is_metal_class
    from {{ ref("int_securities__classified") }}
    group by security_id
)

select
    securities.security_id,
    case
        when firm_words.any_collectible = firm_words.all_collectible then firm_words.any_collectible
        -- Rows of the firm that contradict each other say nothing.
        when firm_words.security_id is not null then null
        when listed.ticker is not null then true
        when
            coalesce(securities.security_type in ('ETF', 'ALTERNATIVE', 'OTHER'), true)
            and (
                coalesce(sounds.is_metal_class, false)
                or {{ sounds_like_metal("securities.security_name") }}
            )
            then null
        else false
    end as is_collectible,
    case
        when firm_words.any_collectible <> firm_words.all_collectible then 'contradicted'
        when firm_words.security_id is not null then 'policy'
        when listed.ticker is not null then 'seed'
        else 'kind'
    end as collectible_source
from {{ ref("int_securities__described") }} as securities
left join firm_words on securities.security_id = firm_words.security_id
left join sounds on securities.security_id = sounds.security_id
left join {{ ref("seed_collectible_securities") }} as listed on securities.ticker = listed.ticker
