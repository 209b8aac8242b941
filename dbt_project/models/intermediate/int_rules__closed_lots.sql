-- Rules about which lots a custodian relieved: by the account's method, and those that were named for the
-- sale. Shares are identified by a standing order or by the settlement date (Reg. 1.1012-1(c)(8)); what was
-- relieved otherwise is what the return must follow, so that a slip is to be corrected at once.
with sold as (
    select
        closed_lots.account_id,
        closed_lots.security_id,
        closed_lots.disposal_date,
        closed_lots.acquisition_date,
        abs(closed_lots.quantity) as quantity,
        nullif(closed_lots.disposal_method, 'UNKNOWN') as disposal_method,
        closed_lots.custodian,
        closed_lots.feed,
        closed_lots.source_file_id,
        closed_lots.source_row_number,
        accounts.custodian_lot_method,
        accounts.lot_method
    from {{ ref("int_closed_lots__merged") }} as closed_lots
    inner join {{ ref("int_accounts__identified") }} as accounts
        on closed_lots.account_id = accounts.account_id
    where
        coalesce(accounts.tax_treatment, 'taxable') = 'taxable'
        -- What may still bear on a wash sale or on the gains of the year.
        and closed_lots.disposal_date
        >= least({{ as_of_date() }} - 61, date_trunc('year', {{ as_of_date() }}))
),

days as (
    select
        account_id,
        security_id,
        disposal_date,
        sum(quantity) as quantity,
        min(custodian) as custodian,
        min(feed) as feed,
        min(source_file_id) as source_file_id,
        first(source_row_number order by source_file_id, source_row_number) as source_row_number
    from sold
    group by account_id, security_id, disposal_date
),

-- A plan trades after its session and before its sales settle.
named as (
    select
        instructed.*,
        days.disposal_date
    from {{ ref("int_lots__instructed") }} as instructed
    inner join days
        on
            instructed.account_id = days.account_id
            and instructed.security_id = days.security_id
            and instructed.planned_on_date < days.disposal_date
            and instructed.lots_named_by_date > days.disposal_date
            -- Another quantity is another sale, or a part of this one.
            and instructed.trade_quantity = days.quantity
),

named_days as (
    select distinct
        account_id,
        security_id,
        disposal_date
    from named
),

-- The firm names lots with each sale where its own method asks for it; the custodian then says SPEC_ID.
by_another_method as (
    select sold.*
    from sold
    left join named_days
        on
            sold.account_id = named_days.account_id
            and sold.security_id = named_days.security_id
            and sold.disposal_date = named_days.disposal_date
    where
        sold.disposal_method is not null
        and coalesce(sold.custodian_lot_method, sold.lot_method) is not null
        and sold.disposal_method is distinct from sold.custodian_lot_method
        and sold.disposal_method is distinct from sold.lot_method
        and not (
            sold.disposal_method = 'SPEC_ID'
            and (named_days.account_id is not null or coalesce(sold.lot_method = 'MIN_TAX', false))
        )
),

delivered as (
    select
        account_id,
        security_id,
        disposal_date,
        acquisition_date,
        sum(quantity) as quantity
    from sold
    group by account_id, security_id, disposal_date, acquisition_date
),

not_delivered as (
    select
        named.account_id,
        named.security_id,
        named.disposal_date,
        string_agg(
            rtrim(rtrim(cast(named.quantity as varchar), '0'), '.') || ' of '
            || coalesce(strftime(named.acquisition_date, '%Y-%m-%d'), 'an unknown day'),
            ', ' order by named.acquisition_date
        ) as lots
    from named
    left join delivered
        on
            named.account_id = delivered.account_id
            and named.security_id = delivered.security_id
            and named.disposal_date = delivered.disposal_date
            and named.acquisition_date is not distinct from delivered.acquisition_date
    where not coalesce({{ is_same_quantity("named.quantity", "delivered.quantity") }}, false)
    group by named.account_id, named.security_id, named.disposal_date
),

broken as (
    select
        'closed_lot_follows_the_lot_method' as rule,
        account_id,
        security_id,
        custodian,
        feed,
        min(source_file_id) as source_file_id,
        first(source_row_number order by source_file_id, source_row_number) as source_row_number,
        strftime(disposal_date, '%Y-%m-%d') || ': ' || disposal_method as observed,
        'The sale of ' || strftime(disposal_date, '%Y-%m-%d') || ' was relieved by ' || disposal_method
        || '; ' || concat_ws(
            ', ',
            'the account''s standing method is ' || custodian_lot_method,
            'the firm''s method for it is ' || lot_method
        ) || '. Ask who changed the method or named the lots; the gains follow what was relieved.' as message
    from by_another_method
    group by
        account_id, security_id, custodian, feed, disposal_date, disposal_method, custodian_lot_method,
        lot_method
    union all by name
    select
        'named_lots_are_delivered' as rule,
        not_delivered.account_id,
        not_delivered.security_id,
        days.custodian,
        days.feed,
        days.source_file_id,
        days.source_row_number,
        strftime(not_delivered.disposal_date, '%Y-%m-%d') || ': not ' || not_delivered.lots as observed,
        'For the sale of ' || strftime(not_delivered.disposal_date, '%Y-%m-%d') || ' the plan names '
        || not_delivered.lots || ', which the custodian did not relieve. If they were named by the '
        || 'settlement date, have it corrected; the gains follow what was relieved.' as message
    from not_delivered
    inner join days
        on
            not_delivered.account_id = days.account_id
            and not_delivered.security_id = days.security_id
            and not_delivered.disposal_date = days.disposal_date
)

select
    rule,
    account_id,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    observed,
    message
from broken
