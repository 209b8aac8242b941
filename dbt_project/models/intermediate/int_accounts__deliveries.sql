-- Whose word holds on an account's positions, lots and cash tonight, where several files speak of it.
-- A second opinion (cross_check) states facts only where no feed of the first kind names the account.
-- Of several such feeds one holds: the standard feed first, then the one that arrived last, then by
-- name. Within a feed the file received last holds, and of two names of the account in it the number
-- before the mask; files of one feed that share no security of the account are parts of one delivery.
-- A file that is itself set aside sets no other aside.
-- What does not hold is compared with what does by int_cross_checks__positions and _cash.
{% set keys = {"positions": "security_key", "tax_lots": "security_key", "cash_balances": "currency"} %}

with recursive named as (
    {% for entity in keys -%}
        select
            '{{ entity }}' as entity,
            custodian,
            feed,
            source_file_id,
            account_number,
            count(*) as row_count
        from {{ ref("stg_" ~ entity) }}
        group by all
        union all
    {% endfor -%}
    select
        'accounts' as entity,
        custodian,
        feed,
        source_file_id,
        account_number,
        count(*) as row_count
    from {{ ref("stg_accounts") }}
    group by all
),

files as (
    select
        entity,
        source_file_id,
        min(delivery_id) as delivery_id,
        bool_and(feed_role = 'cross_check') as is_cross_check,
        max(received_at) as received_at
    from {{ ref("stg_delivery_files") }}
    group by entity, source_file_id
),

delivered as (
    select
        named.*,
        account_references.account_id,
        account_references.resolved_by,
        coalesce(files.delivery_id, named.source_file_id) as delivery_id,
        coalesce(files.is_cross_check, false) as is_cross_check,
        files.received_at
    from named
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            named.custodian = account_references.custodian
            and named.account_number = account_references.account_number
    left join files
        on
            named.entity = files.entity
            and named.source_file_id = files.source_file_id
),

-- A feed that names the account and delivers the entity says of it also that there is nothing.
first_hand as (
    select distinct
        feeds.entity,
        delivered.account_id
    from delivered
    inner join {{ ref("stg_delivery_files") }} as feeds
        on
            delivered.custodian = feeds.custodian
            and delivered.feed = feeds.feed
    where feeds.feed_role <> 'cross_check'
),

feed_arrivals as (
    select
        entity,
        custodian,
        feed,
        max(received_at) as feed_received_at
    from {{ ref("stg_delivery_files") }}
    group by entity, custodian, feed
),

judged as (
    select
        delivered.*,
        feed_arrivals.feed_received_at,
        delivered.is_cross_check and first_hand.account_id is not null as is_second_opinion,
        max(delivered.received_at) over (
            partition by delivered.entity, delivered.account_id, delivered.feed, delivered.delivery_id
        ) as delivery_received_at
    from delivered
    left join feed_arrivals
        on
            delivered.entity = feed_arrivals.entity
            and delivered.custodian = feed_arrivals.custodian
            and delivered.feed = feed_arrivals.feed
    left join first_hand
        on
            delivered.entity = first_hand.entity
            and delivered.account_id = first_hand.account_id
    where delivered.entity <> 'accounts'
),

ranked as (
    select
        *,
        dense_rank() over (
            partition by entity, account_id
            order by
                is_second_opinion asc,
                is_cross_check asc,
                feed = 'standard_feed' desc,
                feed_received_at desc nulls last,
                custodian asc,
                feed asc
        ) as feed_rank,
        dense_rank() over (
            partition by entity, account_id, feed
            order by
                delivery_received_at desc nulls last,
                delivery_id desc,
                resolved_by = 'mask' asc,
                account_number asc
        ) as delivery_rank
    from judged
),

contested as (
    select
        entity,
        account_id,
        max(delivery_rank) as last_rank
    from ranked
    where feed_rank = 1
    group by entity, account_id
    having max(delivery_rank) > 1
),

-- What each of several deliveries of one feed speaks of.
subjects as (
    {% for entity, key in keys.items() -%}
        select distinct
            ranked.entity,
            ranked.account_id,
            ranked.delivery_rank,
            {{ "identified.security_id" if key == "security_key" else "stated.currency" }} as subject
        from {{ ref("stg_" ~ entity) }} as stated
        inner join ranked
            on
                stated.source_file_id = ranked.source_file_id
                and stated.custodian = ranked.custodian
                and stated.account_number = ranked.account_number
                and ranked.entity = '{{ entity }}'
                and ranked.feed_rank = 1
        inner join contested
            on
                ranked.entity = contested.entity
                and ranked.account_id = contested.account_id
        {% if key == "security_key" -%}
            inner join {{ ref("int_securities__identified") }} as identified
                on stated.security_key = identified.security_key
        {% endif -%}
        {% if not loop.last %}union all
        {% endif %}
    {%- endfor %}
),

shared_subjects as (
    select
        older.entity,
        older.account_id,
        older.delivery_rank,
        list(distinct newer.delivery_rank) as newer_ranks
    from subjects as older
    inner join subjects as newer
        on
            older.entity = newer.entity
            and older.account_id = newer.account_id
            and older.subject = newer.subject
            and older.delivery_rank > newer.delivery_rank
    group by older.entity, older.account_id, older.delivery_rank
),

-- From the newest delivery back: each holds that shares nothing with those that hold so far.
walked as (
    select
        entity,
        account_id,
        last_rank,
        cast(1 as bigint) as delivery_rank,
        [cast(1 as bigint)] as holding_ranks
    from contested
    union all
    select
        walked.entity,
        walked.account_id,
        walked.last_rank,
        walked.delivery_rank + 1 as delivery_rank,
        case
            when coalesce(list_has_any(shared_subjects.newer_ranks, walked.holding_ranks), false)
                then walked.holding_ranks
            else list_append(walked.holding_ranks, walked.delivery_rank + 1)
        end as holding_ranks
    from walked
    left join shared_subjects
        on
            walked.entity = shared_subjects.entity
            and walked.account_id = shared_subjects.account_id
            and walked.delivery_rank + 1 = shared_subjects.delivery_rank
    where walked.delivery_rank < walked.last_rank
),

superseded as (
    select
        entity,
        account_id,
        delivery_rank
    from walked
    where not list_contains(holding_ranks, delivery_rank)
)

select
    ranked.entity,
    ranked.account_id,
    ranked.custodian,
    ranked.feed,
    ranked.source_file_id,
    ranked.account_number,
    ranked.delivery_id,
    ranked.is_cross_check,
    ranked.row_count,
    not ranked.is_second_opinion and ranked.feed_rank = 1 and superseded.entity is null as is_source_of_facts,
    case
        when ranked.is_second_opinion then 'second_opinion'
        when ranked.feed_rank > 1 then 'other_feed'
        when superseded.entity is not null then 'newer_delivery'
    end as set_aside_because
from ranked
left join superseded
    on
        ranked.entity = superseded.entity
        and ranked.account_id = superseded.account_id
        and ranked.delivery_rank = superseded.delivery_rank
        and ranked.feed_rank = 1
