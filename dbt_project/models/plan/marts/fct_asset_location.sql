-- Where each class is held and what the choice of account costs in tax a year. Which treatment suits a
-- class best is the firm's table of asset location. A class is badly located only where the household
-- holds another class in an account that suits the first better, and both would gain by an exchange;
-- cash stays where it is needed. The drag is what distributions and turnover of the
-- class cost at the tax unit's marginal rates, and nothing in accounts that are not taxed.
-- Dividends of equity are taxed as long-term gains (IRC 1(h)(11)), other distributions as ordinary
-- income; of a year's growth the share that is turned over is realized. Interest of municipal bonds is
-- exempt (IRC 103): they cost nothing in a taxable account and have no better place.
with accounts as (

    select *
    from {{ ref('dim_accounts') }}
    where as_of_date = {{ as_of_date() }}

),

security_classes as (

    select *
    from {{ ref('dim_security_asset_classes') }}
    where as_of_date = {{ as_of_date() }}

),

tax_units as (

    select *
    from {{ source('tax', 'tax_unit_states') }}
    where as_of_date = {{ as_of_date() }}
    qualify row_number() over (partition by tax_unit_id order by tax_year desc) = 1

),

class_ranks as (

    unpivot (
        select
            asset_class,
            preferred_tax_treatment_rank_taxable as taxable,
            preferred_tax_treatment_rank_tax_deferred as tax_deferred,
            preferred_tax_treatment_rank_tax_free as tax_free
        from {{ ref('seed_asset_location') }}
    )
    on taxable, tax_deferred, tax_free
    into name tax_treatment value location_rank

),

costs as (

    select
        ranked.asset_class,
        ranked.annual_yield * (1 - ranked.qualified_share) as ordinary_yield,
        ranked.annual_yield * ranked.qualified_share
        + ranked.turnover * greatest(assumptions.expected_return - ranked.annual_yield, 0)
            as long_term_yield
    from {{ ref('seed_asset_location') }} as ranked
    left join {{ ref('seed_capital_market_assumptions') }} as assumptions
        on ranked.asset_class = assumptions.asset_class

),

preferred as (

    select
        asset_class,
        tax_treatment
    from class_ranks
    qualify row_number() over (partition by asset_class order by location_rank, tax_treatment) = 1

),

exposures as (

    select
        positions.account_id,
        security_classes.asset_class,
        cast(positions.market_value * security_classes.weight as decimal(24, 6)) as market_value,
        coalesce(security_classes.sub_class = 'Municipal', false) as is_exempt
    from {{ ref('int_positions__valued') }} as positions
    inner join security_classes on positions.security_id = security_classes.security_id
    union all
    select
        account_id,
        'Cash' as asset_class,
        trade_date as market_value,
        false as is_exempt
    from {{ ref('fct_account_cash') }}
    where as_of_date = {{ as_of_date() }}

),

account_classes as (

    select
        account_id,
        asset_class,
        cast(sum(market_value) as decimal(24, 6)) as market_value,
        sum(case when is_exempt then 0 else market_value end) as taxed_value
    from exposures
    group by account_id, asset_class
    having sum(market_value) <> 0

),

ranked_classes as (

    select
        account_classes.account_id,
        account_classes.asset_class,
        account_classes.market_value,
        account_classes.taxed_value,
        accounts.household_id,
        accounts.tax_unit_id,
        accounts.tax_treatment,
        class_ranks.location_rank,
        accounts.is_tradable
        and not accounts.is_trading_blocked
        and account_classes.asset_class <> 'Cash'
        -- municipal bonds in a taxable account are where they belong
        and (accounts.tax_treatment <> 'taxable' or account_classes.taxed_value > 0) as is_exchangeable
    from account_classes
    inner join accounts on account_classes.account_id = accounts.account_id
    left join class_ranks
        on
            account_classes.asset_class = class_ranks.asset_class
            and accounts.tax_treatment = class_ranks.tax_treatment

),

-- the largest holding that a class could change places with, to the good of both
exchanges as (

    select
        ours.account_id,
        ours.asset_class,
        theirs.asset_class as other_asset_class,
        theirs.tax_treatment as other_tax_treatment
    from ranked_classes as ours
    inner join ranked_classes as theirs
        on
            ours.household_id = theirs.household_id
            and ours.tax_treatment <> theirs.tax_treatment
    inner join class_ranks as ours_there
        on
            ours.asset_class = ours_there.asset_class
            and theirs.tax_treatment = ours_there.tax_treatment
    inner join class_ranks as theirs_here
        on
            theirs.asset_class = theirs_here.asset_class
            and ours.tax_treatment = theirs_here.tax_treatment
    where
        ours.is_exchangeable
        and theirs.is_exchangeable
        and ours_there.location_rank < ours.location_rank
        and theirs_here.location_rank < theirs.location_rank
    qualify
        row_number() over (
            partition by ours.account_id, ours.asset_class
            order by
                ours_there.location_rank, -theirs.market_value, theirs.account_id, theirs.asset_class
        ) = 1

),

located as (

    select
        ranked_classes.account_id,
        ranked_classes.asset_class,
        ranked_classes.household_id,
        ranked_classes.market_value,
        ranked_classes.taxed_value,
        ranked_classes.tax_treatment,
        ranked_classes.location_rank,
        preferred.tax_treatment as preferred_tax_treatment,
        exchanges.other_asset_class,
        exchanges.other_tax_treatment,
        case
            when ranked_classes.tax_treatment <> 'taxable' then 0
            -- an estimate: doubles are exact enough
            else cast(ranked_classes.taxed_value as double) * (
                costs.ordinary_yield * tax_units.marginal_ordinary_rate
                + costs.long_term_yield * tax_units.marginal_long_term_rate
            )
        end as annual_tax_drag
    from ranked_classes
    left join preferred on ranked_classes.asset_class = preferred.asset_class
    left join exchanges
        on
            ranked_classes.account_id = exchanges.account_id
            and ranked_classes.asset_class = exchanges.asset_class
    left join costs on ranked_classes.asset_class = costs.asset_class
    left join tax_units on ranked_classes.tax_unit_id = tax_units.tax_unit_id

)

select
    {{ as_of_date() }} as as_of_date,
    account_id,
    asset_class,
    household_id,
    market_value,
    tax_treatment,
    preferred_tax_treatment,
    case when location_rank is not null then other_asset_class is null end as is_well_located,
    cast(annual_tax_drag as decimal(24, 6)) as annual_tax_drag,
    case
        when location_rank is null then 'The firm''s table does not say where this class is best held.'
        when asset_class = 'Cash' then 'Cash stays where it is needed.'
        when tax_treatment = 'taxable' and taxed_value = 0
            then 'Well placed: its interest is exempt from federal tax.'
        when other_asset_class is not null
            then
                'Would gain by changing places with ' || other_asset_class || ' in '
                || replace(other_tax_treatment, '_', '-')
                || ' accounts, which would gain too: use new money and replacements, '
                || 'realize no gain for it alone.'
        when tax_treatment = preferred_tax_treatment
            then
                'Well placed: this class is best held in ' || replace(preferred_tax_treatment, '_', '-')
                || ' accounts.'
        else
            'Well enough placed: ' || replace(preferred_tax_treatment, '_', '-')
            || ' accounts would suit the class best, but hold nothing that would gain by an exchange.'
    end as recommendation
from located
