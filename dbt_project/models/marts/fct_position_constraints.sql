-- Candidates are what is held and what the buy list would put into an account. Every source of a
-- restriction adds rows of effects; the effects on a candidate are then combined.
with accounts as (
    select * from {{ ref("int_accounts__states") }}
),

-- What may be bought for a group: its buy list, and for each entry the substitutes that stand in for
-- it while a wash sale blocks it, for the same account types.
buy_list as (
    select
        allocation_group_id,
        security_id,
        account_types
    from {{ ref("dim_model_securities") }}
    where as_of_date = {{ as_of_date() }}
    union
    select
        model_securities.allocation_group_id,
        substitutes.security_id,
        model_securities.account_types
    from {{ ref("dim_model_securities") }} as model_securities
    inner join {{ ref("int_securities__described") }} as primaries
        on model_securities.security_id = primaries.security_id
    inner join {{ ref("seed_substitutes") }} as pairs on primaries.ticker = pairs.ticker
    inner join {{ ref("int_securities__described") }} as substitutes
        on pairs.substitute_ticker = substitutes.ticker
    inner join {{ ref("int_securities__priced") }} as prices
        on substitutes.security_id = prices.security_id and prices.price is not null
    where model_securities.as_of_date = {{ as_of_date() }}
),

buy_list_types as (
    select
        allocation_group_id,
        security_id,
        flatten(list(string_split(account_types, '|'))) as account_types,
        bool_or(account_types = '*') as is_for_every_type
    from buy_list
    group by allocation_group_id, security_id
),

candidates as (
    select
        accounts.account_id,
        accounts.household_id,
        accounts.custodian,
        positions.security_id,
        positions.quantity,
        true as is_held
    from {{ ref("int_positions__valued") }} as positions
    inner join accounts on positions.account_id = accounts.account_id
    union all
    select
        accounts.account_id,
        accounts.household_id,
        accounts.custodian,
        buy_list_types.security_id,
        cast(0 as decimal(28, 10)) as quantity,
        false as is_held
    from accounts
    inner join buy_list_types on accounts.allocation_group_id = buy_list_types.allocation_group_id
    left join {{ ref("int_positions__valued") }} as positions
        on
            accounts.account_id = positions.account_id
            and buy_list_types.security_id = positions.security_id
    where positions.account_id is null
),

-- Restrictions that are about whole accounts, and those about a security in some accounts.
restricted_accounts as (
    select
        restrictions.*,
        accounts.account_id as restricted_account_id
    from {{ ref("int_restrictions__expanded") }} as restrictions
    inner join accounts
        on
            restrictions.account_id = accounts.account_id
            or (restrictions.account_id is null and restrictions.household_id = accounts.household_id)
    where restrictions.is_scope_known and restrictions.scope in ('household', 'person', 'account')
),

restriction_effects as (
    select
        candidates.account_id,
        candidates.security_id,
        restricted_accounts.restriction_id,
        restricted_accounts.restriction_type,
        restricted_accounts.reason,
        restricted_accounts.until_date
    from candidates
    inner join restricted_accounts
        on
            candidates.account_id = restricted_accounts.restricted_account_id
            and candidates.security_id = restricted_accounts.security_id
    union all
    select
        candidates.account_id,
        candidates.security_id,
        restricted_accounts.restriction_id,
        restricted_accounts.restriction_type,
        restricted_accounts.reason,
        restricted_accounts.until_date
    from candidates
    inner join restricted_accounts
        on
            candidates.account_id = restricted_accounts.restricted_account_id
            and restricted_accounts.security_id is null
    union all
    select
        candidates.account_id,
        candidates.security_id,
        restrictions.restriction_id,
        restrictions.restriction_type,
        restrictions.reason,
        restrictions.until_date
    from candidates
    inner join {{ ref("int_restrictions__expanded") }} as restrictions
        on
            restrictions.scope in ('firm', 'issuer')
            and restrictions.is_scope_known
            and candidates.security_id = restrictions.security_id
    union all
    select
        candidates.account_id,
        candidates.security_id,
        restrictions.restriction_id,
        restrictions.restriction_type,
        restrictions.reason,
        restrictions.until_date
    from candidates
    inner join {{ ref("int_restrictions__expanded") }} as restrictions
        on restrictions.scope = 'firm' and restrictions.is_scope_known and restrictions.security_id is null
),

short_groups as (
    select distinct
        positions.household_id,
        securities.identity_group_id
    from {{ ref("int_positions__valued") }} as positions
    inner join
        {{ ref("int_securities__described") }} as securities
        on positions.security_id = securities.security_id
    where
        positions.is_short
        and positions.household_id is not null
        and coalesce(securities.security_type, '') not in ('OPTION', 'FUTURE')
),

permitted as (
    select distinct
        permitted_securities.permitted_list,
        identified.security_id
    from {{ ref("stg_permitted_securities") }} as permitted_securities
    inner join {{ ref("int_securities__identified") }} as identified
        on permitted_securities.security_key = identified.security_key
),

effects as (
    select
        account_id,
        security_id,
        restriction_type in ('hold', 'lockup', 'blackout') as blocks_selling,
        restriction_type in ('hold', 'sell_only', 'do_not_buy', 'esg', 'blackout') as blocks_buying,
        restriction_type = 'no_gains' as blocks_gains,
        coalesce(reason, replace(restriction_type, '_', ' ')) as reason,
        restriction_id as source,
        until_date
    from restriction_effects
    where restriction_type <> 'concentration_cap'
    union all
    select
        candidates.account_id,
        candidates.security_id,
        true as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        accounts.trading_blocked_reason as reason,
        'account' as source,
        cast(null as date) as until_date
    from candidates
    inner join accounts on candidates.account_id = accounts.account_id
    where accounts.trading_blocked_reason is not null
    union all
    select
        candidates.account_id,
        candidates.security_id,
        false as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        'it is closing' as reason,
        'account' as source,
        cast(null as date) as until_date
    from candidates
    inner join accounts on candidates.account_id = accounts.account_id
    where accounts.account_status = 'closing'
    union all
    select
        account_id,
        security_id,
        true as blocks_selling,
        position_state = 'frozen' as blocks_buying,
        false as blocks_gains,
        state_reason as reason,
        'data_quality' as source,
        cast(null as date) as until_date
    from {{ ref("int_positions__valued") }}
    where position_state <> 'complete'
    union all
    select
        account_id,
        security_id,
        true as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        case when not is_mapped then 'no asset class' else 'illiquid' end as reason,
        'firm' as source,
        cast(null as date) as until_date
    from {{ ref("int_positions__valued") }}
    where not is_mapped or is_illiquid
    union all
    select
        candidates.account_id,
        candidates.security_id,
        true as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        'the household is short in this security''s group' as reason,
        'firm' as source,
        cast(null as date) as until_date
    from candidates
    inner join
        {{ ref("int_securities__described") }} as securities
        on candidates.security_id = securities.security_id
    inner join short_groups
        on
            candidates.household_id = short_groups.household_id
            and securities.identity_group_id = short_groups.identity_group_id
    union all
    select
        candidates.account_id,
        candidates.security_id,
        false as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        'not on the menu ' || accounts.permitted_list as reason,
        'policy' as source,
        cast(null as date) as until_date
    from candidates
    inner join accounts on candidates.account_id = accounts.account_id
    left join permitted
        on
            accounts.permitted_list = permitted.permitted_list
            and candidates.security_id = permitted.security_id
    where accounts.permitted_list is not null and permitted.security_id is null
    union all
    select
        candidates.account_id,
        candidates.security_id,
        false as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        'not available at ' || candidates.custodian as reason,
        'custodian' as source,
        cast(null as date) as until_date
    from candidates
    left join {{ ref("dim_security_custodians") }} as own_terms
        on
            candidates.security_id = own_terms.security_id
            and candidates.custodian = own_terms.custodian
            and own_terms.as_of_date = {{ as_of_date() }}
    left join {{ ref("dim_security_custodians") }} as general_terms
        on
            candidates.security_id = general_terms.security_id
            and general_terms.custodian = '*'
            and general_terms.as_of_date = {{ as_of_date() }}
    where not coalesce(own_terms.is_available, general_terms.is_available, true)
    union all
    select
        candidates.account_id,
        candidates.security_id,
        false as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        'the buy list has it for other account types' as reason,
        'policy' as source,
        cast(null as date) as until_date
    from candidates
    inner join accounts on candidates.account_id = accounts.account_id
    inner join buy_list_types
        on
            accounts.allocation_group_id = buy_list_types.allocation_group_id
            and candidates.security_id = buy_list_types.security_id
    where
        not buy_list_types.is_for_every_type
        and not list_contains(buy_list_types.account_types, accounts.account_type)
    union all
    select
        candidates.account_id,
        candidates.security_id,
        false as blocks_selling,
        true as blocks_buying,
        false as blocks_gains,
        'no price' as reason,
        'data_quality' as source,
        cast(null as date) as until_date
    from candidates
    left join {{ ref("int_securities__priced") }} as prices on candidates.security_id = prices.security_id
    where prices.price is null
),

combined as (
    select
        account_id,
        security_id,
        bool_or(blocks_selling) as blocks_selling,
        bool_or(blocks_buying) as blocks_buying,
        bool_or(blocks_gains) as blocks_gains,
        string_agg(distinct reason, '; ' order by reason) as reason,
        string_agg(distinct source, '; ' order by source) as source,
        case when count(until_date) = count(*) then max(until_date) end as until_date
    from effects
    group by account_id, security_id
),

lot_restrictions as (
    select
        lots.lot_id,
        bool_or(restrictions.restriction_type in ('hold', 'lockup', 'blackout')) as blocks_selling,
        bool_or(restrictions.restriction_type = 'no_gains') as blocks_gains,
        string_agg(
            distinct coalesce(restrictions.reason, replace(restrictions.restriction_type, '_', ' ')), '; '
            order by coalesce(restrictions.reason, replace(restrictions.restriction_type, '_', ' '))
        ) as reason,
        string_agg(distinct restrictions.restriction_id, '; ' order by restrictions.restriction_id)
            as source,
        case when count(restrictions.until_date) = count(*) then max(restrictions.until_date) end
            as until_date
    from {{ ref("int_restrictions__expanded") }} as restrictions
    inner join {{ ref("int_lots__identified") }} as lots on restrictions.lot_id = lots.lot_id
    where restrictions.is_scope_known and restrictions.restriction_type <> 'concentration_cap'
    group by lots.lot_id
),

restricted_lots as (
    select
        lots.account_id,
        lots.household_id,
        lots.security_id,
        lots.lot_id,
        lots.quantity,
        coalesce(lots.has_own_freeze or lot_restrictions.blocks_selling, lots.has_own_freeze)
            as blocks_selling,
        coalesce(lot_restrictions.blocks_gains, false) as blocks_gains,
        concat_ws('; ', case when lots.has_own_freeze then lots.frozen_reason end, lot_restrictions.reason)
            as reason,
        concat_ws('; ', case when lots.has_own_freeze then 'data_quality' end, lot_restrictions.source)
            as source,
        case when not lots.has_own_freeze then lot_restrictions.until_date end as until_date
    from {{ ref("int_lots__identified") }} as lots
    left join lot_restrictions on lots.lot_id = lot_restrictions.lot_id
    where lots.has_own_freeze or lot_restrictions.lot_id is not null
),

blocked_quantities as (
    select
        account_id,
        security_id,
        sum(quantity) as quantity
    from restricted_lots
    where blocks_selling
    group by account_id, security_id
),

whole_positions as (
    select
        candidates.account_id,
        candidates.security_id,
        cast(null as varchar) as lot_id,
        candidates.household_id,
        case
            when coalesce(combined.blocks_selling, false) or candidates.quantity is null then 0
            else greatest(candidates.quantity - coalesce(blocked_quantities.quantity, 0), 0)
        end as sellable_quantity,
        not coalesce(combined.blocks_buying, false) as is_buyable,
        not coalesce(combined.blocks_gains, false) as is_gain_allowed,
        coalesce(combined.reason, 'none') as reason,
        coalesce(combined.source, 'none') as source,
        combined.until_date
    from candidates
    left join combined
        on
            candidates.account_id = combined.account_id
            and candidates.security_id = combined.security_id
    left join blocked_quantities
        on
            candidates.account_id = blocked_quantities.account_id
            and candidates.security_id = blocked_quantities.security_id
),

lots as (
    select
        restricted_lots.account_id,
        restricted_lots.security_id,
        restricted_lots.lot_id,
        restricted_lots.household_id,
        case
            when restricted_lots.blocks_selling or whole_positions.sellable_quantity = 0 then 0
            else restricted_lots.quantity
        end as sellable_quantity,
        whole_positions.is_buyable,
        whole_positions.is_gain_allowed and not restricted_lots.blocks_gains as is_gain_allowed,
        restricted_lots.reason,
        restricted_lots.source,
        restricted_lots.until_date
    from restricted_lots
    inner join whole_positions
        on
            restricted_lots.account_id = whole_positions.account_id
            and restricted_lots.security_id = whole_positions.security_id
)

select
    {{ as_of_date() }} as as_of_date,
    account_id,
    security_id,
    lot_id,
    household_id,
    cast(sellable_quantity as decimal(28, 10)) as sellable_quantity,
    is_buyable,
    is_gain_allowed,
    reason,
    source,
    until_date
from (
    select * from whole_positions
    union all
    select * from lots
) as constraints
