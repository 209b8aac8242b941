-- Dollars for one unit of a currency, by custodian, from tonight's rates only: as stated, the inverse
-- of what is stated, or two rates that share one currency. The custodian's own rates come first.
with stated as (
    select
        custodian,
        from_currency,
        to_currency,
        rate
    from {{ ref("stg_fx_rates") }}
    where
        rate > 0
        and coalesce(rate_date, {{ as_of_date() }}) >= {{ as_of_date() }}
        and coalesce(rate_date, {{ as_of_date() }}) < {{ planned_trade_date() }}
    qualify
        row_number() over (
            partition by custodian, from_currency, to_currency
            order by rate_date desc nulls last, rate asc
        ) = 1
),

both_ways as (
    select
        custodian,
        from_currency,
        to_currency,
        rate,
        0 as inversions
    from stated
    union all
    select
        custodian,
        to_currency as from_currency,
        from_currency as to_currency,
        cast(1 / rate as decimal(28, 10)) as rate,
        1 as inversions
    from stated
),

single_rates as (
    select
        custodian,
        from_currency,
        to_currency,
        rate,
        inversions as steps
    from both_ways
    qualify
        row_number() over (partition by custodian, from_currency, to_currency order by inversions) = 1
),

to_dollars as (
    select
        custodian,
        from_currency as currency,
        rate,
        steps
    from single_rates
    where to_currency = 'USD'
    union all
    select
        first_leg.custodian,
        first_leg.from_currency as currency,
        cast(first_leg.rate * second_leg.rate as decimal(28, 10)) as rate,
        10 + first_leg.steps + second_leg.steps as steps
    from single_rates as first_leg
    inner join single_rates as second_leg
        on
            first_leg.custodian = second_leg.custodian
            and first_leg.to_currency = second_leg.from_currency
            and second_leg.to_currency = 'USD'
    where first_leg.from_currency <> 'USD' and first_leg.to_currency <> 'USD'
),

custodians as (
    select distinct custodian from {{ ref("stg_account_registry") }}
)

select
    custodians.custodian,
    to_dollars.currency,
    to_dollars.rate as dollars_per_unit
from custodians
cross join to_dollars
where to_dollars.currency <> 'USD'
qualify
    row_number() over (
        partition by custodians.custodian, to_dollars.currency
        order by
            custodians.custodian <> to_dollars.custodian,
            to_dollars.steps,
            to_dollars.custodian,
            to_dollars.rate
    ) = 1
union all
select
    custodian,
    'USD' as currency,
    cast(1 as decimal(28, 10)) as dollars_per_unit
from custodians
