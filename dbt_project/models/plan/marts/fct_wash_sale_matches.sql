-- Losses of the past that a purchase in the same wash-sale group disallowed, lot by lot.
select
    as_of_date,
    match_id,
    household_id,
    wash_sale_group_id,
    identity_group_id,
    loss_account_id,
    loss_lot_key,
    loss_security_id,
    replacement_account_id,
    replacement_lot_key,
    replacement_security_id,
    loss_sale_date,
    replacement_date,
    matched_quantity,
    disallowed_loss,
    is_permanent,
    basis_added,
    holding_period_start_date,
    provisional_until_date,
    rule
from {{ source('tax', 'wash_sale_matches') }}
where as_of_date = {{ as_of_date() }}
