-- What is said of an account's positions beside the facts: second opinions, other feeds, and deliveries
-- that a newer one replaced, security by security, also where only one side holds the security.
with asides as (
    select distinct
        account_id,
        custodian,
        feed,
        delivery_id,
        set_aside_because,
        source_file_id,
        account_number
    from {{ ref("int_accounts__deliveries") }}
    where entity = 'positions' and not is_source_of_facts
),

said as (
    select
        asides.account_id,
        identified.security_id,
        asides.custodian,
        asides.feed,
        asides.delivery_id,
        asides.set_aside_because,
        case when count(positions.quantity) = count(*) then sum(positions.quantity) end as stated_quantity,
        case when count(positions.market_value) = count(*) then sum(positions.market_value) end
            as stated_market_value,
        min(positions.currency) as currency,
        min(positions.source_file_id) as source_file_id,
        arg_min(
            positions.source_row_number,
            positions.source_file_id || lpad(cast(positions.source_row_number as varchar), 12, '0')
        ) as source_row_number
    from {{ ref("stg_positions") }} as positions
    inner join asides
        on
            positions.source_file_id = asides.source_file_id
            and positions.custodian = asides.custodian
            and positions.account_number = asides.account_number
    inner join {{ ref("int_securities__identified") }} as identified
        on positions.security_key = identified.security_key
    inner join {{ ref("int_securities__described") }} as securities
        on identified.security_id = securities.security_id
    where coalesce(securities.security_type, '') <> 'CASH'
    group by
        asides.account_id, identified.security_id, asides.custodian, asides.feed, asides.delivery_id,
        asides.set_aside_because
),

facts as (
    select
        account_id,
        security_id,
        case when count(quantity) = count(*) then sum(quantity) end as source_quantity,
        case when count(market_value) = count(*) then sum(market_value) end as source_market_value,
        min(feed) as source_feed
    from {{ ref("int_positions__sources") }}
    where
        coalesce(security_type, '') <> 'CASH'
        and not is_counted_elsewhere
        and (quantity <> 0 or quantity is null)
        and account_id in (select asides.account_id from asides)
    group by account_id, security_id
),

-- Every security of either side, once for each delivery that was set aside.
subjects as (
    select
        account_id,
        security_id,
        custodian,
        feed,
        delivery_id,
        set_aside_because
    from said
    where stated_quantity <> 0 or stated_quantity is null
    union
    select
        facts.account_id,
        facts.security_id,
        asides.custodian,
        asides.feed,
        asides.delivery_id,
        asides.set_aside_because
    from facts
    inner join asides on facts.account_id = asides.account_id
)

select
    subjects.account_id,
    subjects.security_id,
    subjects.custodian,
    subjects.feed,
    subjects.delivery_id,
    subjects.set_aside_because,
    facts.source_feed,
    facts.source_quantity,
    facts.source_market_value,
    said.stated_quantity,
    said.stated_market_value,
    said.currency,
    facts.account_id is not null as is_in_source,
    said.account_id is not null as is_stated,
    said.source_file_id,
    said.source_row_number
from subjects
left join facts
    on
        subjects.account_id = facts.account_id
        and subjects.security_id = facts.security_id
left join said
    on
        subjects.account_id = said.account_id
        and subjects.security_id = said.security_id
        and subjects.feed = said.feed
        and subjects.delivery_id = said.delivery_id
        and subjects.set_aside_because = said.set_aside_because
