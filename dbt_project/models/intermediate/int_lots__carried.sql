-- Lots without an id of the custodian's that stood there the last night already: which of its lots each
-- is. In this order, each lot once: the same attributes (security, acquisition, unadjusted unit cost) and
-- quantity; the same attributes, the largest with the largest, less after a partial sale; the same date
-- and a unit cost that agrees to the cents of the total, also restated by a split or merger with its
-- ratio; the same date and quantity at another cost; the same quantity and cost with another date. A lot
-- bought since is new, whatever it looks like. What fits nothing is new.
{% set cent_tolerance = "0.02" %}

with tonight as materialized (
    select
        source_file_id || ':' || source_row_number as row_key,
        source_file_id,
        source_row_number,
        account_id,
        security_id,
        attributes_key,
        cast(quantity as decimal(28, 10)) as quantity,
        case when not coalesce({{ is_sentinel_date("acquisition_date") }}, false) then acquisition_date end
            as acquisition_date,
        case when basis_currency = 'USD' then cost_basis end as cost_basis,
        case
            when basis_currency = 'USD'
                then coalesce(cost_basis_unadjusted, cost_basis - coalesce(wash_sale_adjustment, 0))
        end as cost_basis_unadjusted
    from {{ ref("int_lots__received") }}
    where source_lot_id is null
),

before as materialized (
    select *
    from {{ ref("int_lots__published") }}
    where source_lot_id is null and attributes_key is not null
),

-- 1. Nothing has changed.
tonight_1 as (
    select
        row_key,
        account_id,
        attributes_key,
        quantity,
        row_number() over (
            partition by account_id, attributes_key, quantity
            order by source_file_id, source_row_number
        ) as place
    from tonight
),

before_1 as (
    select
        lot_id,
        account_id,
        attributes_key,
        quantity,
        row_number() over (
            partition by account_id, attributes_key, quantity
            order by length(lot_id), lot_id
        ) as place
    from before
),

matched_1 as materialized (
    select
        tonight_1.row_key,
        before_1.lot_id,
        'attributes' as matched_by
    from tonight_1
    inner join before_1
        on
            tonight_1.account_id = before_1.account_id
            and tonight_1.attributes_key = before_1.attributes_key
            and tonight_1.quantity = before_1.quantity
            and tonight_1.place = before_1.place
),

-- 2. Partly sold.
tonight_2 as materialized (
    select
        tonight.*,
        row_number() over (
            partition by tonight.account_id, tonight.attributes_key
            order by abs(tonight.quantity) desc, tonight.source_file_id asc, tonight.source_row_number asc
        ) as place
    from tonight
    where tonight.row_key not in (select matched_1.row_key from matched_1)
),

before_2 as materialized (
    select
        before.*,
        row_number() over (
            partition by before.account_id, before.attributes_key
            order by abs(before.quantity) desc, length(before.lot_id) asc, before.lot_id asc
        ) as place
    from before
    where before.lot_id not in (select matched_1.lot_id from matched_1)
),

matched_2 as materialized (
    select
        tonight_2.row_key,
        before_2.lot_id,
        'attributes' as matched_by
    from tonight_2
    inner join before_2
        on
            tonight_2.account_id = before_2.account_id
            and tonight_2.attributes_key = before_2.attributes_key
            and tonight_2.place = before_2.place
            and sign(tonight_2.quantity) = sign(before_2.quantity)
            and abs(tonight_2.quantity) <= abs(before_2.quantity)
),

-- What a lot of the last night may have become: itself, or what a split or merger around tonight makes of
-- it. Custodians restate some days late, and what does not fit by cost and quantity is not taken.
actions as (
    select distinct
        account_id,
        security_id,
        new_security_id,
        ratio
    from {{ ref("int_corporate_actions__identified") }}
    where
        ratio > 0
        and action_type not in ('SPINOFF', 'SPIN_OFF')
        and ex_date between {{ as_of_date() }} - 30 and {{ planned_trade_date() }}
        and (ratio <> 1 or new_security_id <> security_id)
),

{% for number in [3, 4, 5, 6] -%}
    tonight_{{ number }} as materialized (
        select
            lots.* exclude (place),
            row_number() over (
                partition by
                    lots.account_id, lots.security_id, lots.acquisition_date, lots.quantity, lots.cost_basis
                order by lots.source_file_id, lots.source_row_number
            ) as place
        from tonight_{{ number - 1 }} as lots
        where lots.row_key not in (select matched.row_key from matched_{{ number - 1 }} as matched)
    ),

    before_{{ number }} as materialized (
        select
            lots.* exclude (place),
            row_number() over (
                partition by
                    lots.account_id, lots.security_id, lots.acquisition_date, lots.quantity,
                    lots.custodian_cost_basis
                order by length(lots.lot_id), lots.lot_id
            ) as place
        from before_{{ number - 1 }} as lots
        where lots.lot_id not in (select matched.lot_id from matched_{{ number - 1 }} as matched)
    ),

    -- {{ {
        3: "3. Restated, or a unit cost that rounding moved; like lots in their order.",
        4: "4. The same once more, for lots that another was nearer to.",
        5: "5. Another cost.",
        6: "6. Another date.",
    }[number] }}
    {% if number in [3, 4] -%}
        becoming_{{ number }} as (
            select
                lots.*,
                lots.security_id as becomes_security_id,
                cast(lots.quantity as double) as becomes_quantity,
                false as is_restated
            from before_{{ number }} as lots
            union all
            select
                lots.*,
                actions.new_security_id as becomes_security_id,
                cast(lots.quantity as double) * cast(actions.ratio as double) as becomes_quantity,
                true as is_restated
            from before_{{ number }} as lots
            inner join actions
                on
                    lots.security_id = actions.security_id
                    and lots.account_id = coalesce(actions.account_id, lots.account_id)
        ),

        -- Doubles, as ratios are: what is judged is nearness, and no amount comes of it.
        pairs_{{ number }} as (
            select
                lots.row_key,
                earlier.lot_id,
                case when earlier.is_restated then 'split' else 'attributes' end as matched_by,
                abs(earlier.becomes_quantity - cast(lots.quantity as double)) as distance,
                abs(earlier.place - lots.place) as place_distance
            from tonight_{{ number }} as lots
            inner join becoming_{{ number }} as earlier
                on
                    lots.account_id = earlier.account_id
                    and lots.security_id = earlier.becomes_security_id
                    and lots.acquisition_date is not distinct from earlier.acquisition_date
            where
                coalesce(lots.acquisition_date <= earlier.as_of_date, true)
                and sign(lots.quantity) = sign(earlier.becomes_quantity)
                -- A thousandth is what custodians round fractions to.
                and abs(cast(lots.quantity as double)) <= abs(earlier.becomes_quantity) + 0.001
                and coalesce(
                    {% for cost in ["cost_basis", "cost_basis_unadjusted"] -%}
                        abs(
                            cast(lots.{{ cost }} as double)
                            - cast(earlier.custodian_{{ cost }} as double)
                            * cast(lots.quantity as double) / earlier.becomes_quantity
                        ) <= {{ cent_tolerance }}
                        {{ "or" if not loop.last }}
                    {% endfor %},
                    -- Without costs only the whole lot can be told again.
                    lots.cost_basis is null
                    and earlier.custodian_cost_basis is null
                    and abs(earlier.becomes_quantity - cast(lots.quantity as double)) <= 0.001
                )
        ),
    {%- else -%}
        pairs_{{ number }} as (
            select
                lots.row_key,
                earlier.lot_id,
                'quantity' as matched_by,
                abs(coalesce(lots.cost_basis, 0) - coalesce(earlier.custodian_cost_basis, 0)) as distance,
                {% if number == 5 -%}
                    abs(earlier.place - lots.place) as place_distance
                {%- else -%}
                    coalesce(abs(lots.acquisition_date - earlier.acquisition_date), 0) as place_distance
                {%- endif %}
            from tonight_{{ number }} as lots
            inner join before_{{ number }} as earlier
                on
                    lots.account_id = earlier.account_id
                    and lots.security_id = earlier.security_id
                    and lots.quantity = earlier.quantity
            where
                coalesce(lots.acquisition_date <= earlier.as_of_date, true)
                {% if number == 5 -%}
                    and lots.acquisition_date is not distinct from earlier.acquisition_date
                {%- else -%}
                    and lots.cost_basis = earlier.custodian_cost_basis
                {%- endif %}
        ),
    {%- endif %}

    -- A pair is one when each is the nearest to the other.
    nearest_{{ number }} as (
        select
            row_key,
            lot_id,
            matched_by,
            row_number() over (
                partition by row_key
                order by distance, matched_by, place_distance, length(lot_id), lot_id
            ) as lot_choice,
            row_number() over (
                partition by lot_id
                order by distance, matched_by, place_distance, row_key
            ) as row_choice
        from pairs_{{ number }}
    ),

    matched_{{ number }} as materialized (
        select
            row_key,
            lot_id,
            matched_by
        from nearest_{{ number }}
        where lot_choice = 1 and row_choice = 1
    ),

{% endfor -%}

matched as (
    {% for number in [1, 2, 3, 4, 5, 6] -%}
        select
            row_key,
            lot_id,
            matched_by
        from matched_{{ number }}
        {% if not loop.last %}union all
        {% endif %}
    {%- endfor %}
),

new_rows as (
    select lots.*
    from tonight_6 as lots
    where lots.row_key not in (select matched_6.row_key from matched_6)
),

-- New lots are numbered behind those of the same attributes that there were.
numbers as (
    select
        account_id || ':' || regexp_extract(lot_id, ':([0-9a-f]{12})-[0-9]+$', 1) as lot_prefix,
        max(try_cast(regexp_extract(lot_id, '-([0-9]+)$', 1) as integer)) as last_number
    from before
    where
        account_id in (select new_rows.account_id from new_rows)
        and regexp_matches(lot_id, ':[0-9a-f]{12}-[0-9]+$')
    group by lot_prefix
),

new_lots as (
    select
        source_file_id,
        source_row_number,
        account_id,
        attributes_key,
        row_number() over (
            partition by account_id, attributes_key
            order by quantity desc, source_file_id asc, source_row_number asc
        ) as number
    from new_rows
)

select
    tonight.source_file_id,
    tonight.source_row_number,
    matched.lot_id,
    matched.matched_by
from tonight
inner join matched on tonight.row_key = matched.row_key
union all
select
    new_lots.source_file_id,
    new_lots.source_row_number,
    new_lots.account_id || ':' || new_lots.attributes_key
    || '-' || (coalesce(numbers.last_number, 0) + new_lots.number) as lot_id,
    'new' as matched_by
from new_lots
left join numbers on new_lots.account_id || ':' || new_lots.attributes_key = numbers.lot_prefix
