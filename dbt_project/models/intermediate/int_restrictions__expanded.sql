-- Restrictions that hold on the planned trade date, each written out for what it names: an account, a
-- household or the whole firm, and one security or (null) every security, or one lot. One that cannot be
-- applied as it is written says why (`problem`), and whom it seems to be about: these do not trade. A
-- restriction of one security or lot whose kind is not known is applied as the strictest, a hold.
with known_securities as (
    -- The registry knows every ticker that a file names, a misspelled one of this file included. Known
    -- is what a custodian sends, or what the firm or the house says something about elsewhere.
    select identified.security_id
    from {{ ref("int_securities__identified") }} as identified
    where
        identified.is_resolved
        and identified.security_key in (
            {% for entity in [
                "positions", "tax_lots", "securities", "prices", "open_orders", "model_securities",
                "permitted_securities", "security_custodians", "security_classifications",
            ] -%}
                select {{ entity }}.security_key from {{ ref("stg_" ~ entity) }} as {{ entity }}
                {% if not loop.last %}union
                {% endif %}
            {%- endfor %}
        )
    union
    select described.security_id
    from {{ ref("int_securities__described") }} as described
    where
        described.ticker in (
            select mapped.ticker from {{ ref("seed_security_asset_classes") }} as mapped
            where mapped.ticker is not null
        )
),

active as (
    select
        restrictions.*,
        identified.security_id as named_security_id,
        restrictions.security_key = '||||' as names_every_security,
        restrictions.security_key = '||||'
        or coalesce(
            identified.security_id in (select known_securities.security_id from known_securities), false
        ) as is_security_known,
        coalesce(
            restrictions.restriction_type in (
                'hold', 'sell_only', 'no_gains', 'do_not_buy', 'esg', 'lockup', 'blackout',
                'concentration_cap'
            ),
            false
        ) as is_type_known,
        coalesce(
            restrictions.scope in ('firm', 'household', 'person', 'account', 'issuer', 'lot'), false
        ) as is_scope_word_known
    from {{ ref("stg_restrictions") }} as restrictions
    left join {{ ref("int_securities__identified") }} as identified
        on restrictions.security_key = identified.security_key
    where coalesce(restrictions.until_date, {{ planned_trade_date() }}) >= {{ planned_trade_date() }}
),

owned_accounts as (
    select distinct
        owners.person_id,
        account_references.account_id
    from {{ ref("stg_account_owners") }} as owners
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            owners.custodian = account_references.custodian
            and owners.account_number = account_references.account_number
),

issuer_securities as (
    select distinct
        active.scope_id as issuer_ticker,
        securities.security_id
    from active
    inner join {{ ref("int_securities__described") }} as issued
        on {{ as_ticker("active.scope_id") }} = issued.ticker
    inner join {{ ref("int_securities__described") }} as securities
        on
            issued.identity_group_id = securities.identity_group_id
            or issued.ticker = securities.underlying_ticker
    where
        active.scope = 'issuer'
        and issued.security_id in (select known_securities.security_id from known_securities)
),

-- Whatever the scope says, its id may name a household, a person or an account.
named as (
    select
        active.*,
        households.household_id as named_household_id,
        owned_accounts.account_id as owned_account_id,
        account_references.account_id as named_account_id,
        issuer_securities.security_id as issuer_security_id,
        lots.lot_id as named_lot_id,
        lots.account_id as lot_account_id,
        lots.security_id as lot_security_id
    from active
    left join {{ ref("stg_households") }} as households
        on lower(active.scope_id) = lower(households.household_id)
    left join owned_accounts on lower(active.scope_id) = lower(owned_accounts.person_id)
    left join {{ ref("int_account_references__resolved") }} as account_references
        on
            (
                upper(split_part(active.scope_id, ':', 1)) = account_references.custodian
                and split_part(active.scope_id, ':', 2) = account_references.account_number
            )
            or active.scope_id = account_references.account_number
    left join issuer_securities
        on active.scope = 'issuer' and active.scope_id = issuer_securities.issuer_ticker
    left join {{ ref("int_lots__keyed") }} as lots
        on
            active.scope = 'lot'
            and account_references.account_id = lots.account_id
            and {{ without_account_number(
                "split_part(active.scope_id, ':', 3)", "split_part(active.scope_id, ':', 2)"
            ) }} = lots.source_lot_id
),

judged as (
    select
        *,
        case
            when not is_scope_word_known then 'scope'
            when
                not case scope
                    when 'firm' then true
                    when 'household' then named_household_id is not null
                    when 'person' then owned_account_id is not null
                    when 'account' then named_account_id is not null
                    when 'issuer' then issuer_security_id is not null
                    else named_lot_id is not null
                end
                then 'subject'
            when not is_type_known then 'type'
            when restriction_type = 'concentration_cap' and limit_weight is null then 'limit'
            when scope not in ('issuer', 'lot') and not is_security_known then 'security'
        end as problem,
        case
            when is_scope_word_known then scope
            -- Only what holds for the whole firm names nobody.
            when scope_id is null then 'firm'
        end as applied_scope
    from named
)

select distinct
    restriction_id,
    coalesce(applied_scope, scope) as scope,
    scope_id,
    case
        when not is_type_known or (restriction_type = 'concentration_cap' and limit_weight is null)
            then 'hold'
        else restriction_type
    end as restriction_type,
    limit_weight,
    until_date,
    coalesce(
        reason,
        case when not is_type_known then 'a restriction of a kind that is not known' end,
        case
            when restriction_type = 'concentration_cap' and limit_weight is null
                then 'a concentration cap without a readable limit'
        end
    ) as reason,
    source,
    feed,
    source_file_id,
    source_row_number,
    case when applied_scope = 'firm' then null else named_household_id end as household_id,
    case
        when applied_scope = 'firm' then null
        else coalesce(owned_account_id, lot_account_id, named_account_id)
    end as account_id,
    case
        when scope = 'issuer' then issuer_security_id
        when scope = 'lot' then lot_security_id
        when not names_every_security then named_security_id
    end as security_id,
    named_lot_id as lot_id,
    problem,
    case
        when problem is null then true
        -- Nobody in particular is named: it is applied to what it names, as strictly as can be.
        when applied_scope = 'firm' then is_security_known
        when applied_scope in ('issuer', 'lot') then problem in ('type', 'limit')
        else false
    end as is_scope_known
from judged
