-- After a sale: the lots of the night before, what is left of them, and what the custodian says it closed.
-- By lot where both files give the custodian's lot id, else by acquisition date. Holdings that were also
-- moved or re-stated are not compared: there a lot shrinks for another reason.
with closed as (
    select
        account_id,
        security_id,
        source_lot_id,
        acquisition_date,
        disposal_date,
        abs(quantity) as quantity
    from {{ ref("int_closed_lots__merged") }}
    where disposal_date <= {{ as_of_date() }} and quantity is not null
),

compared as (
    select
        account_id,
        security_id,
        min(compared_with_date) as compared_with_date,
        count(source_lot_id) = count(*) as has_lot_ids
    from {{ ref("int_changes__lots_before") }}
    group by account_id, security_id
),

sold as (
    select
        compared.account_id,
        compared.security_id,
        compared.compared_with_date,
        bool_and(compared.has_lot_ids and closed.source_lot_id is not null) as is_by_lot_id
    from compared
    inner join closed
        on
            compared.account_id = closed.account_id
            and compared.security_id = closed.security_id
            and compared.compared_with_date < closed.disposal_date
    inner join {{ ref("int_accounts__identified") }} as accounts
        on
            compared.account_id = accounts.account_id
            and coalesce(accounts.tax_treatment, 'taxable') = 'taxable'
    where
        compared.security_id not in (
            select actions.security_id from {{ ref("int_changes__corporate_actions") }} as actions
        )
        and not exists (
            select transactions.transaction_key
            from {{ ref("int_transactions__merged") }} as transactions
            where
                transactions.account_id = compared.account_id
                and transactions.security_id = compared.security_id
                and transactions.transaction_date > compared.compared_with_date
                and transactions.transaction_type in (
                    'TRANSFER_IN', 'TRANSFER_OUT', 'JOURNAL', 'SPLIT', 'MERGER', 'SPINOFF', 'CASH_IN_LIEU'
                )
        )
    group by compared.account_id, compared.security_id, compared.compared_with_date
),

lots as (
    select
        sold.account_id,
        sold.security_id,
        case
            when sold.is_by_lot_id then earlier.source_lot_id
            else coalesce(strftime(earlier.acquisition_date, '%Y-%m-%d'), 'an unknown date')
        end as lot_key,
        sum(abs(earlier.quantity)) as previous_quantity,
        sum(coalesce(abs(tonight.quantity), 0)) as quantity,
        min(tonight.source_file_id) as source_file_id,
        min(tonight.source_row_number) as source_row_number
    from sold
    inner join {{ ref("int_changes__lots_before") }} as earlier
        on
            sold.account_id = earlier.account_id
            and sold.security_id = earlier.security_id
    left join {{ ref("int_lots__keyed") }} as tonight on earlier.lot_id = tonight.lot_id
    group by sold.account_id, sold.security_id, lot_key
),

disposals as (
    select
        sold.account_id,
        sold.security_id,
        case
            when sold.is_by_lot_id then closed.source_lot_id
            else coalesce(strftime(closed.acquisition_date, '%Y-%m-%d'), 'an unknown date')
        end as lot_key,
        sum(closed.quantity) as quantity
    from sold
    inner join closed
        on
            sold.account_id = closed.account_id
            and sold.security_id = closed.security_id
            and sold.compared_with_date < closed.disposal_date
    group by sold.account_id, sold.security_id, lot_key
)

select
    lots.account_id,
    lots.security_id,
    lots.lot_key,
    lots.previous_quantity,
    lots.quantity,
    coalesce(disposals.quantity, 0) as closed_quantity,
    lots.source_file_id,
    lots.source_row_number
from lots
left join disposals
    on
        lots.account_id = disposals.account_id
        and lots.security_id = disposals.security_id
        and lots.lot_key = disposals.lot_key
