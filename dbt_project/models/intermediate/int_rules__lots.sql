-- Rules about open lots, by themselves and against their position. What concerns tax is a rule in
-- taxable accounts only: in others a missing basis or date changes nothing.
with lots as (
    select
        lots.*,
        coalesce(accounts.tax_treatment, 'taxable') = 'taxable' as is_taxable
    from {{ ref("int_lots__keyed") }} as lots
    inner join {{ ref("int_accounts__identified") }} as accounts on lots.account_id = accounts.account_id
),

-- What custodians compute of each lot beside its cost; most state nothing of it.
gains as (
    select
        lots.account_id,
        lots.security_id,
        count(*) as lot_count,
        sum(received.unrealized_gain_loss) as unrealized_gain_loss
    from lots
    inner join {{ ref("stg_tax_lots") }} as received
        on
            lots.source_file_id = received.source_file_id
            and lots.source_row_number = received.source_row_number
    where lots.is_taxable and received.unrealized_gain_loss is not null
    group by lots.account_id, lots.security_id
),

position_gains as (
    select
        account_id,
        security_id,
        case when count(unrealized_gain_loss) = count(*) then sum(unrealized_gain_loss) end
            as unrealized_gain_loss,
        case when count(settled_quantity) = count(*) then sum(settled_quantity) end as settled_quantity
    from {{ ref("int_positions__sources") }}
    where
        not is_counted_elsewhere
        and (unrealized_gain_loss is not null or settled_quantity is not null)
    group by account_id, security_id
),

awaiting as (
    select * from {{ ref("int_changes__lots_awaiting_action") }}
),

awaiting_positions as (
    select distinct
        account_id,
        security_id
    from awaiting
),

sums as (
    select
        account_id,
        security_id,
        count(*) as lot_count,
        case when count(quantity) = count(*) then sum(quantity) end as lot_quantity,
        case when count(custodian_cost_basis) = count(*) then sum(custodian_cost_basis) end as lot_cost_basis
    from {{ ref("int_lots__keyed") }}
    where has_position
    group by account_id, security_id
),

positions as (
    select
        positions.*,
        coalesce(positions.tax_treatment, 'taxable') = 'taxable' as is_taxable,
        sums.lot_count,
        sums.lot_quantity,
        sums.lot_cost_basis,
        position_gains.settled_quantity,
        position_gains.unrealized_gain_loss,
        gains.unrealized_gain_loss as lot_unrealized_gain_loss,
        awaiting_positions.account_id is not null as is_awaiting_action,
        coalesce(
            position_gains.settled_quantity <> positions.quantity
            and {{ is_same_quantity("sums.lot_quantity", "position_gains.settled_quantity") }},
            false
        ) as is_tied_at_settlement
    from {{ ref("int_positions__aggregated") }} as positions
    left join sums
        on
            positions.account_id = sums.account_id
            and positions.security_id = sums.security_id
    left join gains
        on
            positions.account_id = gains.account_id
            and positions.security_id = gains.security_id
            and sums.lot_count = gains.lot_count
    left join position_gains
        on
            positions.account_id = position_gains.account_id
            and positions.security_id = position_gains.security_id
    left join awaiting_positions
        on
            positions.account_id = awaiting_positions.account_id
            and positions.security_id = awaiting_positions.security_id
),

broken as (
    select
        'lots_add_up_to_position' as rule,
        *,
        coalesce(lot_quantity::varchar, 'an unreadable quantity')
        || ' in ' || lot_count || ' lots against a position of ' || quantity as observed,
        'The lots do not add up to the position; ask the custodian for the missing or surplus lots. The '
        || 'position is neither bought nor sold until they tie.' as message
    from positions
    where
        lot_count > 0
        and not is_awaiting_action
        and not is_tied_at_settlement
        and coalesce(
            abs(lot_quantity - quantity) > {{ policy_number("quantity_tolerance") }}, quantity is not null
        )
    union all by name
    select
        'lot_basis_adds_up_to_position' as rule,
        *,
        lot_cost_basis || ' in ' || lot_count || ' lots against ' || custodian_cost_basis as observed,
        'The cost of the lots does not add up to the cost of the position; ask the custodian which is '
        || 'right. The position is neither bought nor sold until they tie.' as message
    from positions
    where
        is_taxable
        and abs(lot_cost_basis - custodian_cost_basis)
        > greatest(0.02, lot_count * {{ policy_number("basis_tolerance_per_lot") }})
        -- Before the lots of a trade are here, their cost cannot be.
        and not is_tied_at_settlement
        and not is_awaiting_action
    union all by name
    select
        'taxable_position_has_lots' as rule,
        *,
        'no lots' as observed,
        'There are no tax lots for this taxable holding; ask the custodian for its lot file. It is not '
        || 'sold until the lots are here.' as message
    from positions
    where
        is_taxable
        and lot_count is null
        and not is_awaiting_action
        and custodian not in (
            select missing.custodian from {{ ref("int_feeds__missing") }} as missing
            where missing.entity = 'tax_lots'
        )
    union all by name
    select
        'lots_have_a_position' as rule,
        *,
        quantity::varchar as observed,
        'There is a lot but no position of this security in the account; ask the custodian whether the '
        || 'position or the lot is missing a day. The lot is not sold, and its account is not traded.'
            as message
    from lots
    where
        not has_position
        and (account_id, security_id) not in (
            select (awaiting.account_id, awaiting.lot_security_id) from awaiting
        )
        -- Without tonight's positions there is nothing to tie to; required_file_arrived says so.
        and custodian not in (
            select missing.custodian from {{ ref("int_feeds__missing") }} as missing
            where missing.entity = 'positions'
        )
    union all by name
    select
        'lot_id_is_unique' as rule,
        *,
        source_lot_id as observed,
        'The custodian gives this lot id twice in the account; ask which row is true. Lots with the id '
        || 'are not sold.'
            as message
    from lots
    where is_duplicate
    union all by name
    select
        'covered_lot_has_basis' as rule,
        *,
        cost_basis_status as observed,
        'The custodian must report the cost of a covered lot and does not; ask for it. The lot is not sold.'
            as message
    from lots
    where is_taxable and stated_cost_basis is null and covered_status = 'COVERED'
    union all by name
    select
        'lot_has_basis' as rule,
        *,
        cost_basis_status as observed,
        'The cost of this lot is not known; enter it from the client''s records. The lot is not sold.'
            as message
    from lots
    where is_taxable and stated_cost_basis is null and coalesce(covered_status, 'UNKNOWN') <> 'COVERED'
    union all by name
    select
        'lot_basis_is_not_negative' as rule,
        *,
        stated_cost_basis::varchar as observed,
        'The cost of the lot has the wrong sign for its side; ask the custodian for the right one. The '
        || 'lot is not sold.' as message
    from lots
    where is_taxable and sign(stated_cost_basis) * sign(quantity) < 0
    union all by name
    select
        'acquisition_date_is_known' as rule,
        *,
        acquisition_date_status as observed,
        'The acquisition date of the lot is not known, so its term is not; enter it from the client''s '
        || 'records. The lot is not sold.' as message
    from lots
    where
        is_taxable
        and acquisition_date is null
        and acquisition_date_status <> 'sentinel'
        and coalesce(acquisition_type, '') <> 'INHERITED'
    union all by name
    select
        'acquisition_date_is_real' as rule,
        *,
        strftime(stated_acquisition_date, '%Y-%m-%d') as observed,
        'The acquisition date is one that custodians write when they do not know it; enter the true date '
        || 'and cost. The lot is not sold.' as message
    from lots
    where is_taxable and acquisition_date_status = 'sentinel'
    union all by name
    select
        'acquisition_date_is_not_in_the_future' as rule,
        *,
        strftime(acquisition_date, '%Y-%m-%d') as observed,
        'The lot is dated after the session; ask the custodian for the right date. The lot is not sold.'
            as message
    from lots
    where acquisition_date > {{ as_of_date() }}
    union all by name
    select
        'term_agrees_with_dates' as rule,
        *,
        custodian_term || ' for ' || strftime(holding_period_start_date, '%Y-%m-%d') as observed,
        'The custodian''s term contradicts the dates of the lot; ask which is right. The lot is not sold.'
            as message
    from lots
    where
        is_taxable
        and acquisition_date <= {{ as_of_date() }}
        and case
            when acquisition_type = 'INHERITED' then custodian_term = 'SHORT'
            -- A wash sale or a gift carries an older holding period that the file need not show.
            when custodian_term = 'LONG'
                then
                    {{ long_term_from("holding_period_start_date") }} > {{ planned_trade_date() }}
                    and not wash_sale_flag
                    and coalesce(wash_sale_adjustment, 0) = 0
                    and coalesce(acquisition_type, '') not in ('GIFT', 'TRANSFER', 'CORP_ACTION')
            when custodian_term = 'SHORT'
                then {{ long_term_from("holding_period_start_date") }} <= {{ as_of_date() }}
        end
    union all by name
    select
        'wash_sale_amount_is_known' as rule,
        *,
        'marked as adjusted, no amount' as observed,
        'The custodian marks the lot as adjusted for a wash sale but does not say by how much; ask for '
        || 'the amount. The lot is not sold, as the adjustment could be counted twice.' as message
    from lots
    where
        is_taxable
        and wash_sale_flag
        and wash_sale_adjustment is null
        and custodian_cost_basis_unadjusted is null
    union all by name
    select
        'lots_follow_an_action' as rule,
        positions.account_id,
        positions.security_id,
        positions.custodian,
        positions.feed,
        positions.source_file_id,
        positions.source_row_number,
        awaiting.lot_quantity || ' in lots, a position of ' || positions.quantity || ', ratio '
        || awaiting.ratio::double as observed,
        case
            when awaiting.is_lots_late
                then 'The lots are of before a corporate action and the position of after it'
            else 'The position is of before a corporate action and the lots are of after it'
        end
        || ': they tie by its ratio, and the custodian''s next file brings the other half. The position is '
        || 'neither bought nor sold until then.' as message
    from positions
    inner join awaiting
        on
            positions.account_id = awaiting.account_id
            and positions.security_id = awaiting.security_id
    union all by name
    select
        'lots_follow_at_settlement' as rule,
        *,
        lot_quantity || ' in ' || lot_count || ' lots, ' || settled_quantity || ' settled, a position of '
        || quantity as observed,
        'The lots tie to the settled quantity: the lots of a trade that has not settled come when it has. '
        || 'The position is neither bought nor sold until then.' as message
    from positions
    where
        is_tied_at_settlement
        and not is_awaiting_action
        and not {{ is_same_quantity("lot_quantity", "quantity") }}
    union all by name
    select
        'lot_gains_add_up_to_position' as rule,
        *,
        lot_unrealized_gain_loss || ' in ' || lot_count || ' lots against ' || unrealized_gain_loss
            as observed,
        'The unrealized gains of the lots do not add up to that of the position; ask the custodian whether '
        || 'lots and position are of one time. The position is flagged.' as message
    from positions
    where
        is_taxable
        and abs(lot_unrealized_gain_loss - unrealized_gain_loss) > greatest(0.02, 0.01 * lot_count)
)

select
    rule,
    account_id,
    security_id,
    lot_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken
