-- Rules about changes since the last night: what changed must be explained by transactions, corporate
-- actions or the custodian's own adjustments. On the first night there is nothing to compare with, and
-- int_rules__asked says so.
with accounts as (
    select
        account_id,
        custodian
    from {{ ref("int_accounts__identified") }}
),

compared_accounts as (
    select distinct account_id
    from {{ ref("int_changes__positions") }}
),

action_securities as (
    select security_id from {{ ref("int_changes__corporate_actions") }}
    union
    select new_security_id as security_id from {{ ref("int_changes__corporate_actions") }}
),

previous_prices as (
    select
        security_id,
        max(previous_date) as previous_date,
        max(price) as price
    from {{ ref("int_changes__positions_before") }}
    group by security_id
),

price_moves as (
    select
        prices.security_id,
        previous_prices.previous_date,
        previous_prices.price as previous_price,
        prices.price,
        case when securities.security_type in ('MUTUAL_FUND', 'ETF', 'MONEY_MARKET') then 0.15 else 0.25 end
            as largest_move,
        abs(cast(prices.price / previous_prices.price as double) - 1) as relative_move
    from {{ ref("int_securities__priced") }} as prices
    inner join previous_prices on prices.security_id = previous_prices.security_id
    inner join {{ ref("int_securities__described") }} as securities
        on prices.security_id = securities.security_id
    where
        previous_prices.price > 0
        and prices.price > 0
        -- A contract moves by more than its underlying, a private valuation is a new appraisal.
        and coalesce(securities.security_type, '') not in ('OPTION', 'FUTURE', 'ALTERNATIVE', 'CRYPTO')
        and prices.security_id not in (select action_securities.security_id from action_securities)
        and prices.security_id in (
            select positions.security_id from {{ ref("int_positions__aggregated") }} as positions
        )
),

-- Lots that look alike in everything the file shows can be told apart by their number only.
alike_before as (
    select
        account_id,
        security_id,
        acquisition_date,
        quantity,
        custodian_cost_basis,
        count(*) as lot_count
    from {{ ref("int_changes__lots_before") }}
    where source_lot_id is null
    group by all
),

alike_tonight as (
    select
        account_id,
        security_id,
        acquisition_date,
        quantity,
        custodian_cost_basis,
        count(*) as lot_count
    from {{ ref("int_lots__keyed") }}
    where source_lot_id is null
    group by all
),

alike as (
    select
        earlier.account_id,
        earlier.security_id,
        earlier.acquisition_date,
        earlier.lot_count as previous_count,
        coalesce(tonight.lot_count, 0) as lot_count
    from alike_before as earlier
    left join alike_tonight as tonight
        on
            earlier.account_id = tonight.account_id
            and earlier.security_id = tonight.security_id
            and earlier.acquisition_date is not distinct from tonight.acquisition_date
            and earlier.quantity is not distinct from tonight.quantity
            and earlier.custodian_cost_basis is not distinct from tonight.custodian_cost_basis
    where
        earlier.lot_count <> coalesce(tonight.lot_count, 0)
        and greatest(earlier.lot_count, coalesce(tonight.lot_count, 0)) > 1
),

broken as (
    select
        'quantity_rolls_forward' as rule,
        account_id,
        security_id,
        custodian,
        feed,
        source_file_id,
        source_row_number,
        previous_quantity || ' on ' || strftime(previous_date, '%Y-%m-%d') || ', transactions of '
        || quantity_traded || ', now ' || quantity as observed,
        case
            when is_unchanged
                then
                    'The transactions since ' || strftime(previous_date, '%Y-%m-%d')
                    || ' say that the quantity changed, and it did not; ask the custodian whether the '
                    || 'position is a day late. The position is flagged.'
            else
                'The quantity does not follow from that of ' || strftime(previous_date, '%Y-%m-%d')
                || ' and the transactions since; ask the custodian for the transaction that is missing. The '
                || 'position is flagged.'
        end as message
    from {{ ref("int_changes__positions") }}
    where not is_rolled_forward and not is_restated
    union all by name
    select
        'cash_rolls_forward' as rule,
        account_id,
        previous_cash || ' on ' || strftime(previous_date, '%Y-%m-%d') || ', transactions of '
        || cash_traded || ', now ' || cash as observed,
        'The cash does not follow from that of ' || strftime(previous_date, '%Y-%m-%d')
        || ' and the transactions since; ask the custodian for the movement that is missing. The account '
        || 'is flagged.' as message
    from {{ ref("int_changes__cash") }}
    where
        not has_foreign_activity
        and not (is_explained_traded or is_explained_settled or is_explained_told)
    union all by name
    select
        'price_moves_within_reason' as rule,
        security_id,
        round(previous_price, 4) || ' on ' || strftime(previous_date, '%Y-%m-%d') || ', now '
        || round(price, 4) as observed,
        'The price moved by ' || round(relative_move * 100, 1) || ' % since '
        || strftime(previous_date, '%Y-%m-%d')
        || ' and no corporate action is known; check the price, and ask for the action. The holding is '
        || 'flagged.' as message
    from price_moves
    where relative_move > largest_move
    union all by name
    select
        'alike_lots_keep_their_number' as rule,
        alike.account_id,
        alike.security_id,
        alike.previous_count || ' lots of '
        || coalesce(strftime(alike.acquisition_date, '%Y-%m-%d'), 'no date') || ' before, '
        || alike.lot_count || ' now' as observed,
        'Lots that are alike in all that the file shows changed in number without a transaction; ask the '
        || 'custodian whether lots were merged or dropped. The position is flagged.' as message
    from alike
    inner join compared_accounts on alike.account_id = compared_accounts.account_id
    left join {{ ref("int_changes__activity") }} as activity
        on
            alike.account_id = activity.account_id
            and alike.security_id = activity.security_id
    where
        activity.account_id is null
        and alike.security_id not in (select action_securities.security_id from action_securities)
    union all by name
    select
        'basis_change_is_explained' as rule,
        account_id,
        security_id,
        lot_id,
        custodian,
        feed,
        source_file_id,
        source_row_number,
        previous_cost_basis || ' on ' || strftime(compared_with_date, '%Y-%m-%d') || ', now ' || cost_basis
            as observed,
        'The cost of the lot changed since ' || strftime(compared_with_date, '%Y-%m-%d')
        || ' while its quantity did not, and no corporate action, wash sale, return of capital, '
        || 'amortization or correction is known; ask the custodian for the reason. The lot is not sold '
        || 'until it is known.' as message
    from {{ ref("int_changes__lots") }}
    where
        {{ is_same_quantity("quantity", "previous_quantity") }}
        and abs(cost_basis - previous_cost_basis) > 0.01
        and not has_corporate_action
        and not is_wash_sale
        and not is_adjusted
        and not is_stated_by_firm
        and not is_corrected
        and not (is_average_cost and has_transactions)
        -- A month of amortization or accretion, which custodians book without a word.
        and not (is_debt and abs(cost_basis - previous_cost_basis) <= 0.01 * abs(previous_cost_basis))
    union all by name
    select
        'acquisition_date_is_unchanged' as rule,
        account_id,
        security_id,
        lot_id,
        custodian,
        feed,
        source_file_id,
        source_row_number,
        strftime(previous_acquisition_date, '%Y-%m-%d') || ' before, now '
        || strftime(acquisition_date, '%Y-%m-%d') as observed,
        'The acquisition date of the lot changed since ' || strftime(compared_with_date, '%Y-%m-%d')
        || '; ask the custodian which is right, as the term follows from it. The lot is flagged.' as message
    from {{ ref("int_changes__lots") }}
    where acquisition_date <> previous_acquisition_date and not is_corrected and not is_stated_by_firm
    union all by name
    select
        'sold_lots_add_up' as rule,
        account_id,
        security_id,
        source_file_id,
        source_row_number,
        'lot ' || lot_key || ': ' || previous_quantity || ' before, ' || closed_quantity || ' closed, '
        || quantity || ' left' as observed,
        'After a sale the closed and the remaining part of a lot do not add up to the lot; ask the '
        || 'custodian which lots it relieved. The position is neither bought nor sold until they do.'
            as message
    from {{ ref("int_changes__lots_relieved") }}
    where not {{ is_same_quantity("quantity + closed_quantity", "previous_quantity") }}
    union all by name
    select
        'basis_is_kept_through_an_action' as rule,
        account_id,
        security_id,
        previous_cost_basis || ' before, ' || cost_basis || ' in ' || lot_count || ' lots now' as observed,
        'A corporate action must leave the cost of the holding as it was, less that of a fraction paid in '
        || 'cash; ask the custodian how it divided the cost. The position is flagged.' as message
    from {{ ref("int_changes__basis_restated") }}
    where
        cost_basis - previous_cost_basis > greatest(0.02, 0.01 * lot_count)
        or previous_cost_basis - cost_basis > greatest(0.02, 0.01 * lot_count) + coalesce(cost_of_a_unit, 0)
)

select
    broken.rule,
    broken.account_id,
    broken.security_id,
    broken.lot_id,
    coalesce(broken.custodian, accounts.custodian) as custodian,
    broken.feed,
    broken.source_file_id,
    broken.source_row_number,
    broken.observed,
    broken.message
from broken
left join accounts on broken.account_id = accounts.account_id
