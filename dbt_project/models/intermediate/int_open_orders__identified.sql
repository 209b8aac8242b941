-- Orders that can still be filled.
select
    account_references.account_id,
    accounts.household_id,
    identified.security_id,
    orders.order_id,
    case when orders.side in ('BUY', 'BUY_COVER') then 'buy' else 'sell' end as side,
    cast(abs(orders.quantity) - abs(coalesce(orders.filled_quantity, 0)) as decimal(28, 10)) as open_quantity,
    orders.limit_price,
    coalesce(orders.status, 'OPEN') as status,
    coalesce(
        cast(orders.limit_price * securities.unit_factor as decimal(28, 10)), prices.price
    ) as expected_price,
    orders.custodian,
    orders.feed,
    orders.source_file_id,
    orders.source_row_number
from {{ ref("stg_open_orders") }} as orders
inner join {{ ref("int_account_references__resolved") }} as account_references
    on
        orders.custodian = account_references.custodian
        and orders.account_number = account_references.account_number
inner join {{ ref("int_securities__identified") }} as identified
    on orders.security_key = identified.security_key
left join {{ ref("int_accounts__identified") }} as accounts
    on account_references.account_id = accounts.account_id
left join {{ ref("int_securities__described") }} as securities
    on identified.security_id = securities.security_id
left join {{ ref("int_securities__priced") }} as prices on identified.security_id = prices.security_id
where
    coalesce(orders.status, 'OPEN') not in ('FILLED', 'CANCELLED', 'CANCELED', 'REJECTED', 'EXPIRED')
    -- An order whose size cannot be read is an order in flight all the same.
    and (abs(orders.quantity) > abs(coalesce(orders.filled_quantity, 0)) or orders.quantity is null)
