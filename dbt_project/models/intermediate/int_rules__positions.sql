-- Rules about holdings and their prices. Each row is one broken rule.
with positions as (
    select
        positions.*,
        securities.ticker,
        securities.underlying_ticker,
        coalesce(securities.expiration_date, securities.maturity_date) as end_date
    from {{ ref("int_positions__aggregated") }} as positions
    inner join {{ ref("int_securities__described") }} as securities
        on positions.security_id = securities.security_id
),

-- Rows of positions that need a look at what they say beside the sum.
rows_of_positions as (
    select *
    from {{ ref("int_positions__sources") }}
    where
        not is_counted_elsewhere
        and (settled_quantity <> quantity or sign(market_value) * sign(quantity) < 0)
),

unsettled as (
    select
        account_id,
        security_id
    from {{ ref("int_transactions__merged") }}
    where
        transaction_date <= {{ as_of_date() }}
        and (
            settlement_date > {{ as_of_date() }}
            -- A trade whose settlement is not stated settles on the next session or the one after.
            or (settlement_date is null and transaction_date >= {{ previous_session_date() }})
        )
    union
    select
        account_id,
        security_id
    from {{ ref("int_open_orders__identified") }}
),

broken as (
    select
        'market_value_is_quantity_times_price' as rule,
        *,
        checked_quantity || ' x ' || checked_price || ' against ' || checked_market_value as observed,
        'The market value is not quantity times price; ask the custodian which of the three is wrong. '
        || 'The position is neither bought nor sold until they agree.' as message
    from positions
    where is_value_wrong
    union all by name
    select
        'position_has_a_price' as rule,
        *,
        'no price, no market value' as observed,
        'There is no price for this holding tonight; get one from the custodian or enter it in the price '
        || 'file. Its value is unknown until then.' as message
    from positions
    where price is null and has_exchange_rate and quantity is not null
    union all by name
    select
        'currency_of_a_holding_has_a_rate' as rule,
        *,
        currency as observed,
        'The holding is in ' || currency || ' and tonight''s files give no rate from ' || currency
        || ' to dollars; add the rate to the fx_rates file. The account is withheld until then.' as message
    from positions
    where not has_exchange_rate
    union all by name
    select
        'price_is_recent' as rule,
        *,
        strftime(price_date, '%Y-%m-%d') as observed,
        'The price is from ' || strftime(price_date, '%Y-%m-%d')
        || '; get a current price. The position is neither bought nor sold on a price older than 5 days.'
            as message
    from positions
    where price_date < {{ as_of_date() }} - 5 and coalesce(security_type, '') <> 'ALTERNATIVE'
    union all by name
    select
        'valuation_is_recent' as rule,
        *,
        strftime(price_date, '%Y-%m-%d') as observed,
        'The valuation is from ' || strftime(price_date, '%Y-%m-%d')
        || '; ask the fund for a newer one. Drift is shown on the old value.' as message
    from positions
    where price_date < {{ as_of_date() }} - 35 and security_type = 'ALTERNATIVE'
    union all by name
    select
        'price_sources_agree' as rule,
        *,
        custodian_market_value
        || ' at the custodian, '
        || market_value
        || ' at the night''s price' as observed,
        'The custodian values the holding differently from the price used for the whole book; check '
        || 'which price is right.' as message
    from positions
    where
        not is_value_wrong
        and abs(custodian_market_value - market_value)
        > greatest(
            0.02 * row_count,
            cast(abs(market_value) * {{ policy_number("value_tolerance_bps") }} * 0.0001 as decimal(24, 6))
        )
    union all by name
    select
        'quantity_agrees_with_side' as rule,
        *,
        quantity::varchar as observed,
        'The sign of the quantity contradicts the side (long or short); ask the custodian which is '
        || 'right. The position is frozen.' as message
    from positions
    where is_side_wrong
    union all by name
    select
        'short_positions_are_not_traded' as rule,
        *,
        quantity::varchar as observed,
        'The account is short; a short sale of the same security could be a constructive sale, so '
        || 'nothing of this security''s group is traded in the household. Close or move the short position '
        || 'to lift this.'
            as message
    from positions
    where is_short and coalesce(security_type, '') not in ('OPTION', 'FUTURE')
    union all by name
    select
        'options_are_not_traded' as rule,
        *,
        coalesce(underlying_ticker, ticker) as observed,
        'Options and futures are valued but not traded; an advisor must handle them.' as message
    from positions
    where security_type in ('OPTION', 'FUTURE')
    union all by name
    select
        'holding_is_in_dollars' as rule,
        *,
        currency as observed,
        'The holding and its cost are kept in '
        || currency
        || '; its cost in dollars at the day of purchase is not known, so it is not traded. Give dollar '
        || 'basis through the standard feed to lift this.' as message
    from positions
    where not is_in_dollars
    union all by name
    select
        'security_is_resolved' as rule,
        *,
        ticker as observed,
        'No identifier of this holding is known; give its CUSIP or ticker in the custodian''s securities '
        || 'file. It counts in the value but has no asset class.' as message
    from positions
    where not is_resolved
    union all by name
    select
        'holding_is_mapped' as rule,
        positions.*,
        positions.ticker as observed,
        'The holding has no asset class; add it to the security_classifications file. It is in the base, '
        || 'in no class, and is not traded until then.' as message
    from positions
    inner join {{ ref("int_securities__classified") }} as classified
        on
            positions.security_id = classified.security_id
            and classified.asset_class = 'Unmapped'
    union all by name
    select
        'holding_can_be_sold_within_days' as rule,
        *,
        security_type as observed,
        'The holding is illiquid: it counts in the drift but is not traded.' as message
    from positions
    where security_type = 'ALTERNATIVE'
    union all by name
    select
        'price_is_above_zero' as rule,
        *,
        price::varchar as observed,
        'The price of the holding is zero; check whether it has become worthless or the price is missing. '
        || 'The position is flagged.' as message
    from positions
    where price = 0 and quantity <> 0 and coalesce(security_type, '') not in ('OPTION', 'FUTURE')
    union all by name
    select
        'listed_price_is_of_the_session' as rule,
        *,
        strftime(price_date, '%Y-%m-%d') as observed,
        'The price of a security that is priced every session is from ' || strftime(price_date, '%Y-%m-%d')
        || '; get the price of the session. The position is flagged.' as message
    from positions
    where
        security_type in ('EQUITY', 'ETF', 'MUTUAL_FUND', 'OPTION', 'FUTURE')
        and price_date < {{ previous_session_date() }}
        -- What is older is the rule price_is_recent.
        and price_date >= {{ as_of_date() }} - 5
    union all by name
    select
        'market_value_agrees_with_quantity' as rule,
        *,
        quantity || ' worth ' || market_value as observed,
        'The signs of quantity and market value contradict each other; ask the custodian whether the '
        || 'position is long or short. The position is frozen.' as message
    from rows_of_positions
    where sign(market_value) * sign(quantity) < 0 and coalesce(security_type, '') <> 'CASH'
    union all by name
    select
        'settled_quantity_awaits_a_trade' as rule,
        rows_of_positions.*,
        rows_of_positions.settled_quantity || ' settled of ' || rows_of_positions.quantity as observed,
        'Settled and traded quantity differ, but no trade is known that has not settled; ask the custodian '
        || 'for it. The position is flagged.' as message
    from rows_of_positions
    inner join {{ ref("int_transactions__coverage") }} as coverage
        on
            rows_of_positions.account_id = coverage.account_id
            and coverage.history_from_date is not null
    left join unsettled
        on
            rows_of_positions.account_id = unsettled.account_id
            and rows_of_positions.security_id = unsettled.security_id
    where
        rows_of_positions.settled_quantity <> rows_of_positions.quantity
        and unsettled.account_id is null
    union all by name
    select
        'fractions_are_of_divisible_securities' as rule,
        *,
        quantity || ' of type ' || security_type as observed,
        'A contract or a bond is not held in fractions; ask the custodian whether the quantity is right.'
            as message
    from positions
    where
        security_type in ('OPTION', 'FUTURE', 'BOND_CORP', 'BOND_MUNI', 'BOND_TREASURY', 'CD')
        and quantity <> trunc(quantity)
    union all by name
    select
        'matured_holding_is_gone' as rule,
        *,
        'ended ' || strftime(end_date, '%Y-%m-%d') as observed,
        'The bond has matured or the contract expired on ' || strftime(end_date, '%Y-%m-%d')
        || ' and is still held; ask the custodian for its redemption. The position is flagged.' as message
    from positions
    where end_date + 5 < {{ as_of_date() }}
    union all by name
    select
        'currency_is_known' as rule,
        positions.*,
        coalesce(positions.currency, 'no currency') as observed,
        'The currency of the holding is not stated or no code of ISO 4217; correct it at the custodian.'
            as message
    from positions
    left join {{ ref("seed_currencies") }} as currencies on positions.currency = currencies.currency
    where currencies.currency is null
)

select
    rule,
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken
