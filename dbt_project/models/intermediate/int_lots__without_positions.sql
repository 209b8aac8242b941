-- Accounts in which lots stand without a holding: their files contradict each other, and what is missing
-- may be the holding. The lots are worth tonight's price, or their cost where there is no price.
select
    lots.account_id,
    count(*) as lot_count,
    bool_and(
        (lots.quantity is not null and prices.price is not null)
        or (lots.stated_cost_basis is not null and coalesce(lots.currency, 'USD') = 'USD')
    ) as is_value_known,
    cast(
        coalesce(
            sum(
                abs(
                    coalesce(
                        {{ product_of(
                            "cast(lots.quantity as decimal(28, 10))", "prices.price", "decimal(24, 6)"
                        ) }},
                        case when coalesce(lots.currency, 'USD') = 'USD' then lots.stated_cost_basis end
                    )
                )
            ),
            0
        ) as decimal(24, 6)
    ) as market_value
from {{ ref("int_lots__keyed") }} as lots
left join {{ ref("int_securities__priced") }} as prices on lots.security_id = prices.security_id
left join {{ ref("int_securities__described") }} as securities on lots.security_id = securities.security_id
where
    not lots.has_position
    -- Lots of before a merger tie to the position of after it: the rule lots_follow_an_action says so.
    and (lots.account_id, lots.security_id) not in (
        select (awaiting.account_id, awaiting.lot_security_id)
        from {{ ref("int_changes__lots_awaiting_action") }} as awaiting
    )
    -- Cash is no holding, whatever lots are sent of it.
    and coalesce(securities.security_type, '') <> 'CASH'
    -- Without tonight's positions there is nothing to tie to; required_file_arrived says so.
    and lots.custodian not in (
        select missing.custodian from {{ ref("int_feeds__missing") }} as missing
        where missing.entity = 'positions'
    )
group by lots.account_id
