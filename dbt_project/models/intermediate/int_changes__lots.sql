-- Open lots of taxable accounts that are not as the earlier night left them: another quantity, another
-- basis, another date, or gone; with what is known to change a lot. One row per changed lot.
with tonight as (
    select
        lots.*,
        securities.security_type
    from {{ ref("int_lots__keyed") }} as lots
    left join {{ ref("int_securities__described") }} as securities
        on lots.security_id = securities.security_id
),

-- The custodian says itself that it adjusted the cost.
adjustments as (
    select
        source_file_id,
        source_row_number
    from {{ ref("stg_tax_lots") }}
    where coalesce(amortization_adjustment, 0) <> 0 or coalesce(return_of_capital_adjustment, 0) <> 0
),

changed as (
    select
        earlier.lot_id,
        earlier.account_id,
        earlier.security_id,
        earlier.compared_with_date,
        earlier.quantity as previous_quantity,
        tonight.quantity,
        earlier.custodian_cost_basis as previous_cost_basis,
        tonight.custodian_cost_basis as cost_basis,
        earlier.acquisition_date as previous_acquisition_date,
        tonight.acquisition_date,
        tonight.lot_id is null as is_gone,
        tonight.wash_sale_flag or coalesce(tonight.wash_sale_adjustment, 0) <> 0 as is_wash_sale,
        adjustments.source_file_id is not null as is_adjusted,
        tonight.override_id is not null as is_stated_by_firm,
        {{ is_debt("tonight.security_type") }} as is_debt,
        coalesce(tonight.basis_method = 'AVERAGE', false) as is_average_cost,
        tonight.custodian,
        tonight.feed,
        tonight.source_file_id,
        tonight.source_row_number
    from {{ ref("int_changes__lots_before") }} as earlier
    inner join {{ ref("int_accounts__identified") }} as accounts
        on
            earlier.account_id = accounts.account_id
            and coalesce(accounts.tax_treatment, 'taxable') = 'taxable'
    left join tonight on earlier.lot_id = tonight.lot_id
    left join adjustments
        on
            tonight.source_file_id = adjustments.source_file_id
            and tonight.source_row_number = adjustments.source_row_number
    where
        tonight.lot_id is null
        or tonight.quantity <> earlier.quantity
        or tonight.custodian_cost_basis <> earlier.custodian_cost_basis
        or tonight.acquisition_date <> earlier.acquisition_date
),

-- What moved the security in the account since the night that the lot is compared with.
moves as (
    select
        changed.lot_id,
        count(*) > 0 as has_transactions,
        bool_or(
            transactions.transaction_type in (
                'RETURN_OF_CAPITAL', 'SPLIT', 'MERGER', 'SPINOFF', 'CASH_IN_LIEU', 'NAME_CHANGE'
            )
        ) as has_restatement
    from changed
    inner join {{ ref("int_transactions__merged") }} as transactions
        on
            changed.account_id = transactions.account_id
            and changed.security_id = transactions.security_id
            and changed.compared_with_date < transactions.transaction_date
    group by changed.lot_id
),

-- A trade that the custodian took back re-states the lots it had opened or relieved.
corrections as (
    select distinct changed.lot_id
    from changed
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on changed.account_id = account_references.account_id
    inner join {{ ref("stg_transactions") }} as transactions
        on
            account_references.custodian = transactions.custodian
            and account_references.account_number = transactions.account_number
            and changed.compared_with_date < transactions.as_of_date
    inner join {{ ref("int_securities__identified") }} as identified
        on
            transactions.security_key = identified.security_key
            and changed.security_id = identified.security_id
    where transactions.is_cancel or transactions.reversal_of is not null
),

actions as (
    select security_id from {{ ref("int_changes__corporate_actions") }}
    union
    select new_security_id as security_id from {{ ref("int_changes__corporate_actions") }}
)

select
    changed.*,
    coalesce(moves.has_transactions, false) as has_transactions,
    coalesce(moves.has_restatement, false) or actions.security_id is not null as has_corporate_action,
    corrections.lot_id is not null as is_corrected
from changed
left join moves on changed.lot_id = moves.lot_id
left join corrections on changed.lot_id = corrections.lot_id
left join actions on changed.security_id = actions.security_id
