-- Corporate actions that re-state holdings, with the securities they mean and what one unit becomes: as a
-- custodian's file of actions states them, for all accounts; or as the transactions of one account tell
-- them, for that account. Transactions state units, not ratios: units taken out and put in give one, and
-- units added alone give one only with what the account held before, which is said in ratio_source.
-- Where nothing gives a ratio it is null: nobody guesses it.
with stated as (
    select distinct
        cast(null as varchar) as account_id,
        identified.security_id,
        actions.action_type,
        actions.ex_date,
        actions.new_cusip,
        actions.new_ticker,
        case
            when actions.ratio_new > 0 and actions.ratio_old > 0
                then cast(actions.ratio_new / actions.ratio_old as decimal(28, 10))
            -- A new name for the same thing.
            when
                actions.ratio_new is null
                and actions.ratio_old is null
                and actions.action_type = 'NAME_CHANGE'
                then 1
        end as ratio
    from {{ ref("stg_corporate_actions") }} as actions
    inner join {{ ref("int_securities__identified") }} as identified
        on actions.security_key = identified.security_key
    where actions.ex_date is not null
),

stated_with_new as (
    select
        stated.account_id,
        stated.security_id,
        coalesce(by_cusip.security_id, by_ticker.security_id, stated.security_id) as new_security_id,
        stated.action_type,
        stated.ex_date,
        stated.ratio,
        -- The action makes another security of it, and nobody knows that one yet.
        coalesce(
            (stated.new_cusip is not null or stated.new_ticker is not null)
            and by_cusip.security_id is null and by_ticker.security_id is null,
            false
        ) as is_new_security_unknown
    from stated
    left join {{ ref("stg_security_registry") }} as by_cusip
        on stated.new_cusip = by_cusip.id_value and by_cusip.id_type = 'CUSIP'
    left join {{ ref("stg_security_registry") }} as by_ticker
        on stated.new_ticker = by_ticker.id_value and by_ticker.id_type = 'TICKER'
),

told as (
    select
        account_id,
        security_id,
        transaction_type as action_type,
        transaction_date as ex_date,
        -sum(least(quantity, 0)) as units_out,
        sum(greatest(quantity, 0)) as units_in
    from {{ ref("int_transactions__merged") }}
    where
        transaction_type in ('SPLIT', 'MERGER', 'SPINOFF', 'NAME_CHANGE')
        and security_id is not null
        and quantity <> 0
        and transaction_date <= {{ planned_trade_date() }}
    group by account_id, security_id, transaction_type, transaction_date
),

-- An action of one day that takes one security and gives one: of more, nobody can say which became which.
paired as (
    select
        account_id,
        action_type,
        ex_date,
        count(*) filter (where units_out > 0 and units_in = 0) as securities_out,
        count(*) filter (where units_in > 0 and units_out = 0) as securities_in,
        min(security_id) filter (where units_out > 0 and units_in = 0) as old_security_id,
        min(security_id) filter (where units_in > 0 and units_out = 0) as new_security_id,
        sum(units_out) filter (where units_in = 0) as units_out,
        sum(units_in) filter (where units_out = 0) as units_in
    from told
    group by account_id, action_type, ex_date
),

held_before as (
    select
        account_id,
        security_id,
        max(as_of_date) as as_of_date,
        sum(quantity) as quantity
    from {{ ref("int_lots__published") }}
    group by account_id, security_id
),

told_with_ratio as (
    -- The same security out and in again, or the pair of an old and a new one.
    select
        told.account_id,
        told.security_id,
        told.security_id as new_security_id,
        told.action_type,
        told.ex_date,
        cast(told.units_in / told.units_out as decimal(28, 10)) as ratio,
        'transactions' as ratio_source
    from told
    where told.units_out > 0 and told.units_in > 0
    union all
    select
        account_id,
        old_security_id as security_id,
        new_security_id,
        action_type,
        ex_date,
        cast(units_in / units_out as decimal(28, 10)) as ratio,
        'transactions' as ratio_source
    from paired
    where securities_out = 1 and securities_in = 1
    union all
    -- Units added to what was held.
    select
        told.account_id,
        told.security_id,
        told.security_id as new_security_id,
        told.action_type,
        told.ex_date,
        case
            when held_before.account_id is not null
                then cast((held_before.quantity + told.units_in) / held_before.quantity as decimal(28, 10))
        end as ratio,
        case
            when held_before.account_id is not null
                then 'transactions_and_holding'
        end as ratio_source
    from told
    inner join paired
        on
            told.account_id = paired.account_id
            and told.action_type = paired.action_type
            and told.ex_date = paired.ex_date
    left join held_before
        on
            told.account_id = held_before.account_id
            and told.security_id = held_before.security_id
            and told.action_type = 'SPLIT'
            and held_before.quantity > 0
            and told.ex_date > held_before.as_of_date
    where
        not (told.units_out > 0 and told.units_in > 0)
        and not (paired.securities_out = 1 and paired.securities_in = 1)
)

select
    account_id,
    security_id,
    new_security_id,
    action_type,
    ex_date,
    ratio,
    case when ratio is not null then 'corporate_actions' end as ratio_source,
    is_new_security_unknown,
    'corporate_actions' as told_by
from stated_with_new
union all
select
    account_id,
    security_id,
    new_security_id,
    action_type,
    ex_date,
    ratio,
    ratio_source,
    false as is_new_security_unknown,
    'transactions' as told_by
from told_with_ratio
