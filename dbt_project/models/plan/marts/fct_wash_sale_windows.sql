-- Until when a wash-sale group may not buy, or not sell at a loss, what is substantially identical.
select
    as_of_date,
    wash_sale_group_id,
    identity_group_id,
    household_id,
    no_buy_until_date,
    no_loss_sale_until_date,
    caused_by,
    coverage,
    is_exit_possible
from {{ source('tax', 'wash_sale_windows') }}
where as_of_date = {{ as_of_date() }}
