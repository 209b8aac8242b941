-- Rows of files that are the facts of tonight's open lots, tied to account, security and position, with
-- what a lot without an id of the custodian's is recognised by: security, acquisition and unadjusted unit
-- cost. Rows that another delivery replaces are not among them.
{{ config(materialized="view") }}

with received as (
    select
        account_references.account_id,
        identified.security_id,
        lots.*,
        coalesce(lots.currency, positions.currency) as basis_currency,
        positions.security_id is not null as has_position
    from {{ ref("stg_tax_lots") }} as lots
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            lots.custodian = account_references.custodian
            and lots.account_number = account_references.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on lots.security_key = identified.security_key
    left join {{ ref("int_positions__aggregated") }} as positions
        on
            account_references.account_id = positions.account_id
            and identified.security_id = positions.security_id
    left join {{ ref("int_accounts__deliveries") }} as set_aside
        on
            set_aside.entity = 'tax_lots'
            and not set_aside.is_source_of_facts
            and lots.source_file_id = set_aside.source_file_id
            and lots.custodian = set_aside.custodian
            and lots.account_number = set_aside.account_number
    where
        (lots.quantity <> 0 or lots.quantity is null)
        and set_aside.entity is null
)

select
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    account_number,
    security_key,
    source_lot_id,
    quantity,
    acquisition_date,
    acquisition_date_status,
    acquisition_time,
    holding_period_start_date,
    term,
    cost_basis,
    cost_basis_status,
    cost_basis_unadjusted,
    unit_cost,
    wash_sale_adjustment,
    wash_sale_flag,
    covered_status,
    acquisition_type,
    basis_method,
    currency,
    sub_account_type,
    source_transaction_id,
    original_quantity,
    amortization_adjustment,
    return_of_capital_adjustment,
    unrealized_gain_loss,
    rejected_values,
    basis_currency,
    has_position,
    case
        when source_lot_id is null
            then
                left(
                    md5(
                        concat_ws(
                            '|',
                            security_id,
                            coalesce(strftime(acquisition_date, '%Y-%m-%d'), ''),
                            coalesce(acquisition_time, ''),
                            coalesce(
                                round(
                                    coalesce(
                                        cost_basis_unadjusted / nullif(quantity, 0),
                                        unit_cost,
                                        cost_basis / nullif(quantity, 0)
                                    ),
                                    4
                                )
                                ::varchar,
                                ''
                            )
                        )
                    ),
                    12
                )
    end as attributes_key
from received
