-- Days that a custodian writes as the acquisition of lots and that are none: the day of a transfer into the
-- account, where nothing was bought on it, and tonight's own date for a holding that has not grown since the
-- last night, as custodians write it who do not know the date (retirement accounts).
with acquired as (
    select distinct
        account_id,
        security_id,
        transaction_date
    from {{ ref("int_transactions__merged") }}
    where quantity > 0 and transaction_type <> 'TRANSFER_IN'
),

told as (
    select distinct
        account_id,
        security_id,
        transaction_date as acquisition_date,
        'transfer_date' as stands_for
    from {{ ref("int_transactions__merged") }}
    where transaction_type = 'TRANSFER_IN' and quantity > 0 and security_id is not null
    union
    select
        positions.account_id,
        positions.security_id,
        {{ as_of_date() }} as acquisition_date,
        'file_date' as stands_for
    from {{ ref("int_positions__aggregated") }} as positions
    inner join {{ ref("int_changes__positions_before") }} as before
        on
            positions.account_id = before.account_id
            and positions.security_id = before.security_id
    where positions.quantity > 0 and positions.quantity <= before.quantity
)

select
    told.account_id,
    told.security_id,
    told.acquisition_date,
    min(told.stands_for) as stands_for
from told
left join acquired
    on
        told.account_id = acquired.account_id
        and told.security_id = acquired.security_id
        and told.acquisition_date = acquired.transaction_date
where acquired.account_id is null
group by told.account_id, told.security_id, told.acquisition_date
