-- The rows that state tonight's positions: each account's once, however many files speak of it. The row
-- by which a plan shows the value of an account that it wraps is told as such where that account is
-- itself delivered: its holdings count there. Of a chain of files of changes the newest row of a holding
-- counts, also where an older one names the security by other ids: both would count it twice.
with set_aside as (
    select
        source_file_id,
        custodian,
        account_number
    from {{ ref("int_accounts__deliveries") }}
    where entity = 'positions' and not is_source_of_facts
),

wrapping as (
    select distinct links.parent_account_id as account_id
    from {{ ref("int_accounts__links") }} as links
    inner join {{ ref("int_accounts__deliveries") }} as deliveries
        on
            links.account_id = deliveries.account_id
            and deliveries.entity in ('positions', 'cash_balances')
            and deliveries.is_source_of_facts
)

select
    account_references.account_id,
    identified.security_id,
    identified.is_resolved,
    positions.custodian,
    positions.feed,
    positions.source_file_id,
    positions.source_row_number,
    positions.account_number,
    positions.security_key,
    positions.cusip,
    positions.ticker,
    positions.sub_account_type,
    positions.long_short,
    positions.quantity,
    positions.settled_quantity,
    positions.pending_quantity,
    positions.quantity_basis,
    positions.price,
    positions.price_date,
    positions.market_value,
    positions.accrued_interest,
    positions.cost_basis,
    positions.cost_basis_status,
    positions.unrealized_gain_loss,
    positions.currency,
    positions.fx_rate_to_base,
    positions.is_held_away,
    positions.rejected_values,
    securities.security_type,
    {{ is_wrapper_name("positions.ticker") }}
    or {{ is_wrapper_name("split_part(positions.security_key, '|', 2)") }}
    or {{ is_wrapper_name("securities.security_name") }} as is_wrapper_row,
    wrapping.account_id is not null
    and (
        {{ is_wrapper_name("positions.ticker") }}
        or {{ is_wrapper_name("split_part(positions.security_key, '|', 2)") }}
        or {{ is_wrapper_name("securities.security_name") }}
    ) as is_counted_elsewhere,
    coalesce(
        min(positions.chain_position) over holding < max(positions.chain_position) over holding, false
    ) as is_named_otherwise_before
from {{ ref("stg_positions") }} as positions
inner join {{ ref("int_account_references__resolved") }} as account_references
    on
        positions.custodian = account_references.custodian
        and positions.account_number = account_references.account_number
inner join {{ ref("int_securities__identified") }} as identified
    on positions.security_key = identified.security_key
inner join {{ ref("int_securities__described") }} as securities
    on identified.security_id = securities.security_id
left join wrapping on account_references.account_id = wrapping.account_id
left join set_aside
    on
        positions.source_file_id = set_aside.source_file_id
        and positions.custodian = set_aside.custodian
        and positions.account_number = set_aside.account_number
where set_aside.source_file_id is null
window
    holding as (
        partition by
            positions.custodian,
            positions.feed,
            account_references.account_id,
            identified.security_id,
            -- Of rows that nobody can name, each may be another holding.
            case when not identified.is_resolved then positions.security_key end,
            positions.sub_account_type,
            positions.long_short
    )
qualify
    positions.chain_position is null
    or positions.chain_position = max(positions.chain_position) over holding
