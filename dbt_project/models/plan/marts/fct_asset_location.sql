-- Where each class is held and what the choice of account costs in tax a year. Which treatment suits a
-- class best is the firm's table of asset location; the drag is what distributions and turnover of the
-- class cost at the tax unit's marginal rates, and nothing in accounts that are not taxed.
-- Dividends of equity are taxed as long-term gains (IRC 1(h)(11)), other distributions as ordinary
-- income; of a year's growth the share that is turned over is realized.
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

equity_classes as (

    select unnest(
        ['US Large Cap Equity', 'US Small/Mid Cap', 'International Developed', 'Emerging Markets']
    ) as asset_class

),

costs as (

    select
        ranked.asset_class,
        case when equity_classes.asset_class is null then ranked.annual_yield else 0 end
            as ordinary_yield,
        case when equity_classes.asset_class is null then 0 else ranked.annual_yield end
        + ranked.turnover * greatest(assumptions.expected_return - ranked.annual_yield, 0)
            as long_term_yield
    from {{ ref('seed_asset_location') }} as ranked
    left join equity_classes on ranked.asset_class = equity_classes.asset_class
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
        cast(positions.market_value * security_classes.weight as decimal(24, 6)) as market_value
    from {{ ref('int_positions__valued') }} as positions
    inner join security_classes on positions.security_id = security_classes.security_id
    union all
    select
        account_id,
        'Cash' as asset_class,
        trade_date as market_value
    from {{ ref('fct_account_cash') }}
    where as_of_date = {{ as_of_date() }}

),

account_classes as (

    select
        account_id,
        asset_class,
        cast(sum(market_value) as decimal(24, 6)) as market_value
    from exposures
    group by account_id, asset_class
    having sum(market_value) <> 0

),

-- the best that the household could do with the accounts it can trade in
reachable as (

    select
        accounts.household_id,
        class_ranks.asset_class,
        min(class_ranks.location_rank) as best_rank
    from accounts
    inner join class_ranks on accounts.tax_treatment = class_ranks.tax_treatment
    where accounts.is_tradable and not accounts.is_trading_blocked
    group by accounts.household_id, class_ranks.asset_class

),

located as (

    select
        account_classes.account_id,
        account_classes.asset_class,
        accounts.household_id,
        account_classes.market_value,
        accounts.tax_treatment,
        preferred.tax_treatment as preferred_tax_treatment,
        own.location_rank = 1 as is_in_preferred_treatment,
        own.location_rank <= coalesce(reachable.best_rank, own.location_rank) as is_well_located,
        case
            when accounts.tax_treatment <> 'taxable' then 0
            -- an estimate: doubles are exact enough
            else cast(account_classes.market_value as double) * (
                costs.ordinary_yield * tax_units.marginal_ordinary_rate
                + costs.long_term_yield * tax_units.marginal_long_term_rate
            )
        end as annual_tax_drag
    from account_classes
    inner join accounts on account_classes.account_id = accounts.account_id
    left join preferred on account_classes.asset_class = preferred.asset_class
    left join class_ranks as own
        on
            account_classes.asset_class = own.asset_class
            and accounts.tax_treatment = own.tax_treatment
    left join reachable
        on
            accounts.household_id = reachable.household_id
            and account_classes.asset_class = reachable.asset_class
    left join costs on account_classes.asset_class = costs.asset_class
    left join tax_units on accounts.tax_unit_id = tax_units.tax_unit_id

)

select
    {{ as_of_date() }} as as_of_date,
    account_id,
    asset_class,
    household_id,
    market_value,
    tax_treatment,
    preferred_tax_treatment,
    is_well_located,
    cast(annual_tax_drag as decimal(24, 6)) as annual_tax_drag,
    case
        when preferred_tax_treatment is null
            then 'The firm has no preferred account for this class.'
        when is_in_preferred_treatment
            then
                'Well placed: this class is best held in '
                || replace(preferred_tax_treatment, '_', '-') || ' accounts.'
        when is_well_located
            then
                'As good as this household''s accounts allow; '
                || replace(preferred_tax_treatment, '_', '-') || ' accounts would suit the class best.'
        else
            'Better held in ' || replace(preferred_tax_treatment, '_', '-')
            || ' accounts: direct new money and replacements there, but realize no gain for it alone.'
    end as recommendation
from located
