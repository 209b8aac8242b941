-- Holdings with what may be relied on: complete, lots_pending (taxable, no lots yet) or frozen (a rule
-- that blocks is broken).
with blocks as (
    select
        account_id,
        security_id,
        string_agg(distinct reason, '; ' order by reason) as reasons,
        bool_and(rule = 'holding_is_in_dollars') as is_only_foreign,
        bool_or(is_uncertain) as is_uncertain
    from {{ ref("int_violations__found") }}
    where severity = 'block' and scope = 'position' and account_id is not null and security_id is not null
    group by account_id, security_id
),

lots as (
    select
        account_id,
        security_id,
        count(*) as lot_count
    from {{ ref("int_lots__keyed") }}
    where has_position
    group by account_id, security_id
),

unmapped as (
    select security_id from {{ ref("int_securities__classified") }}
    where asset_class = 'Unmapped'
)

select
    positions.account_id,
    positions.household_id,
    positions.security_id,
    cast(positions.quantity as decimal(28, 10)) as quantity,
    positions.price,
    positions.market_value,
    positions.custodian_cost_basis,
    case
        when blocks.account_id is not null then 'frozen'
        when
            lots.lot_count is null and coalesce(positions.tax_treatment, 'taxable') = 'taxable'
            then 'lots_pending'
        else 'complete'
    end as position_state,
    case
        when blocks.account_id is not null then blocks.reasons
        when lots.lot_count is null and coalesce(positions.tax_treatment, 'taxable') = 'taxable'
            then 'its tax lots have not arrived'
    end as state_reason,
    coalesce(lots.lot_count, 0) as lot_count,
    coalesce(positions.security_type = 'ALTERNATIVE', false)
    or coalesce(terms.is_slow, false) as is_illiquid,
    unmapped.security_id is null as is_mapped,
    case
        when coalesce(positions.tax_treatment, 'taxable') = 'taxable'
            then coalesce(blocks.is_uncertain, lots.lot_count is null)
        -- Without tax truth to lose, only an uncertain value counts: a foreign currency's is known.
        else coalesce(blocks.is_uncertain and not blocks.is_only_foreign, false)
    end as is_uncertain,
    positions.is_short,
    positions.is_held_away,
    positions.counts_toward_allocation,
    positions.tax_treatment,
    positions.currency,
    positions.source_file_id,
    positions.source_row_number
from {{ ref("int_positions__aggregated") }} as positions
left join blocks
    on
        positions.account_id = blocks.account_id
        and positions.security_id = blocks.security_id
left join lots
    on
        positions.account_id = lots.account_id
        and positions.security_id = lots.security_id
left join unmapped on positions.security_id = unmapped.security_id
left join (
    -- A fund that takes more than a week to redeem wherever it is traded.
    select
        identified.security_id,
        min(terms.redemption_days) > 7 as is_slow
    from {{ ref("stg_security_custodians") }} as terms
    inner join
        {{ ref("int_securities__identified") }} as identified
        on terms.security_key = identified.security_key
    group by identified.security_id
) as terms on positions.security_id = terms.security_id
