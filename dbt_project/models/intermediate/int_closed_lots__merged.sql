-- Disposed lots of all files up to the session, each once; merged as int_transactions__merged does. A
-- sale of several lots has one transaction id, so that all rows of the newest file with the id hold.
with received as (
    select
        account_references.account_id,
        identified.security_id,
        closed_lots.*,
        files.received_at
    from {{ ref("stg_closed_lots") }} as closed_lots
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            closed_lots.custodian = account_references.custodian
            and closed_lots.account_number = account_references.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on closed_lots.security_key = identified.security_key
    inner join {{ ref("stg_source_files") }} as files
        on
            closed_lots.as_of_date = files.as_of_date
            and closed_lots.source_file_id = files.source_file_id
            and files.entity = 'closed_lots'
),

occurrences as (
    select
        *,
        row_number() over (
            partition by account_id, content_key, as_of_date, source_file_id
            order by source_row_number
        ) as occurrence
    from (
        select
            *,
            md5(
                concat_ws(
                    '|',
                    security_key,
                    source_lot_id,
                    transaction_id,
                    acquisition_date,
                    disposal_date,
                    quantity,
                    proceeds,
                    cost_basis, realized_gain_loss, term, disallowed_loss, currency
                )
            ) as content_key
        from received
    ) as contents
),

merged as (
    select * from occurrences
    where transaction_id is not null
    qualify
        dense_rank() over (
            partition by account_id, transaction_id
            order by as_of_date desc, received_at desc, source_file_id desc
        ) = 1
    union all
    select * from occurrences
    where transaction_id is null
    qualify
        row_number() over (
            partition by account_id, content_key, occurrence
            order by as_of_date desc, received_at desc, source_file_id desc
        ) = 1
)

select
    merged.account_id,
    accounts.household_id,
    merged.security_id,
    merged.content_key || '-' || merged.occurrence as closed_lot_key,
    merged.source_lot_id,
    case
        when
            not coalesce({{ is_sentinel_date("merged.acquisition_date") }}, false)
            then merged.acquisition_date
    end
        as acquisition_date,
    merged.disposal_date,
    merged.quantity,
    merged.proceeds,
    merged.cost_basis,
    coalesce(merged.realized_gain_loss, merged.proceeds - merged.cost_basis) as realized_gain,
    merged.term,
    merged.disallowed_loss,
    merged.covered_status,
    merged.transaction_id,
    merged.currency,
    merged.source_file_id,
    merged.source_row_number
from merged
left join {{ ref("int_accounts__identified") }} as accounts on merged.account_id = accounts.account_id
where merged.disposal_date is not null
