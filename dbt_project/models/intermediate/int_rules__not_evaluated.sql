-- Rules that tonight's data leave unanswered, and why: no violation of them is not the same as passed.
with nights as (
    select
        (select count(*) from {{ ref("int_changes__positions_before") }}) > 0 as has_positions_before,
        (select count(*) from {{ ref("int_changes__lots_before") }}) > 0 as has_lots_before,
        (select count(*) from {{ ref("int_changes__cash_before") }}) > 0 as has_cash_before,
        (select count(*) from {{ ref("int_changes__positions") }}) > 0 as has_transactions_told,
        exists(
            select files.source_file_id from {{ ref("stg_source_files") }} as files
            where files.as_of_date < {{ as_of_date() }} and files.feed <> 'policy_files'
        ) as has_files_before,
        exists(
            select files.source_file_id from {{ ref("stg_source_files") }} as files
            where files.entity = 'closed_lots'
        ) as has_closed_lots,
        exists(
            select actions.security_id from {{ ref("int_changes__corporate_actions") }} as actions
            where actions.ratio is not null
        ) as has_actions
),

-- What a rule compares and no file of tonight states.
told as (
    select
        count(custodian_term) > 0 as has_terms,
        count(unit_cost) > 0 as has_unit_costs,
        count(custodian_cost_basis_unadjusted) > 0 or count(wash_sale_adjustment) > 0 as has_parts
    from {{ ref("int_lots__keyed") }}
),

told_of_positions as (
    select
        count(custodian_cost_basis) > 0 as has_costs,
        (
            select count(sources.settled_quantity) from {{ ref("int_positions__sources") }} as sources
        ) > 0 as has_settled_quantities,
        (select count(received.unrealized_gain_loss) from {{ ref("stg_tax_lots") }} as received) > 0
            as has_gains_of_lots,
        (select count(*) from {{ ref("int_cross_checks__positions") }}) > 0 as has_second_positions,
        (select count(*) from {{ ref("int_cross_checks__cash") }}) > 0 as has_second_cash
    from {{ ref("int_positions__aggregated") }}
),

reasons as (
    select
        'term_agrees_with_dates' as rule,
        not has_terms as is_unanswered,
        'No file states the term of a lot.' as reason
    from told
    union all
    select
        'lot_basis_is_unit_cost_times_quantity' as rule,
        not has_unit_costs as is_unanswered,
        'No file states the unit cost of a lot.' as reason
    from told
    union all
    select
        'lot_basis_is_the_sum_of_its_parts' as rule,
        not has_parts as is_unanswered,
        'No file states the parts of a lot''s cost.' as reason
    from told
    union all
    select
        'lot_basis_adds_up_to_position' as rule,
        not has_costs as is_unanswered,
        'No file states the cost of a position.' as reason
    from told_of_positions
    union all
    select
        'lot_gains_add_up_to_position' as rule,
        not has_gains_of_lots as is_unanswered,
        'No file states the unrealized gain of a lot.' as reason
    from told_of_positions
    union all
    select
        'settled_quantity_awaits_a_trade' as rule,
        not has_settled_quantities as is_unanswered,
        'No file states a settled quantity.' as reason
    from told_of_positions
    union all
    select
        'second_source_agrees_on_positions' as rule,
        not has_second_positions as is_unanswered,
        'No account has a second source of positions.' as reason
    from told_of_positions
    union all
    select
        'second_source_agrees_on_cash' as rule,
        not has_second_cash as is_unanswered,
        'No account has a second source of cash.' as reason
    from told_of_positions
    union all
    select
        unnest(
            ['price_moves_within_reason', 'market_value_is_near_the_last']
        ) as rule,
        not has_positions_before as is_unanswered,
        'There is no earlier night to compare with.' as reason
    from nights
    union all
    select
        unnest(
            ['basis_change_is_explained', 'acquisition_date_is_unchanged']
        ) as rule,
        not has_lots_before as is_unanswered,
        'There is no earlier night to compare with.' as reason
    from nights
    union all
    select
        unnest(['row_count_is_near_the_last', 'positions_file_is_new', 'delivery_has_no_gap']) as rule,
        not has_files_before as is_unanswered,
        'There is no earlier delivery to compare with.' as reason
    from nights
    union all
    select
        unnest(['quantity_rolls_forward', 'alike_lots_keep_their_number']) as rule,
        not has_positions_before or not has_transactions_told as is_unanswered,
        case
            when not has_positions_before then 'There is no earlier night to compare with.'
            else 'Tonight''s files tell no transactions of accounts that the last night held.'
        end as reason
    from nights
    union all
    select
        'cash_rolls_forward' as rule,
        not has_cash_before or not has_transactions_told as is_unanswered,
        case
            when not has_cash_before then 'There is no earlier night to compare with.'
            else 'Tonight''s files tell no transactions of accounts that the last night held.'
        end as reason
    from nights
    union all
    select
        'sold_lots_add_up' as rule,
        not has_lots_before or not has_closed_lots as is_unanswered,
        case
            when not has_lots_before then 'There is no earlier night to compare with.'
            else 'No file tells closed lots.'
        end as reason
    from nights
    union all
    select
        'basis_is_kept_through_an_action' as rule,
        not has_lots_before or not has_actions as is_unanswered,
        case
            when not has_lots_before then 'There is no earlier night to compare with.'
            else 'No split, merger or spin-off of these days is known.'
        end as reason
    from nights
)

select
    rule,
    reason
from reasons
where is_unanswered
