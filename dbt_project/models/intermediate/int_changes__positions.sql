-- Holdings against those of the last night: how many there were, how many there are, and what the
-- transactions and corporate actions of the time between say. One row per holding of either night, of
-- accounts that both nights hold and whose transactions tonight's files tell.
with previous as (
    select max(previous_date) as previous_date from {{ ref("int_changes__positions_before") }}
),

-- The files in which the account's holdings and transactions come: one file for both, or one file for
-- each kind of row and all accounts of the feed.
holding_files as (
    select distinct
        account_id,
        custodian,
        feed,
        source_file_id
    from {{ ref("int_positions__aggregated") }}
),

transaction_files as (
    select
        custodian,
        feed,
        source_file_id,
        count(*) = 1 as is_alone
    from {{ ref("stg_source_files") }}
    where as_of_date = {{ as_of_date() }}
    group by custodian, feed, source_file_id
    having bool_or(entity = 'transactions')
),

told_accounts as (
    select holding_files.account_id
    from holding_files
    inner join transaction_files
        on
            holding_files.custodian = transaction_files.custodian
            and holding_files.feed = transaction_files.feed
            and (
                transaction_files.is_alone
                or holding_files.source_file_id = transaction_files.source_file_id
            )
    union
    select account_id from {{ ref("int_changes__activity") }}
    where has_new_transactions
),

compared_accounts as (
    select account_id from {{ ref("int_changes__positions_before") }}
    intersect
    select account_id from {{ ref("int_positions__aggregated") }}
    intersect
    select account_id from told_accounts
),

ratios as (
    select
        security_id,
        new_security_id,
        ratio
    from {{ ref("int_changes__corporate_actions") }}
    where ratio is not null
),

paired as (
    select
        coalesce(tonight.account_id, earlier.account_id) as account_id,
        coalesce(tonight.security_id, earlier.security_id) as security_id,
        tonight.account_id is null as is_gone,
        case when tonight.account_id is null then 0 else tonight.quantity end as quantity,
        case when earlier.account_id is null then 0 else earlier.quantity end as previous_quantity,
        tonight.custodian,
        tonight.feed,
        tonight.source_file_id,
        tonight.source_row_number
    from {{ ref("int_positions__aggregated") }} as tonight
    full outer join {{ ref("int_changes__positions_before") }} as earlier
        on
            tonight.account_id = earlier.account_id
            and tonight.security_id = earlier.security_id
),

-- Of what other securities became this one, by actions of these days.
converted as (
    select
        earlier.account_id,
        ratios.new_security_id as security_id,
        sum(cast(earlier.quantity * ratios.ratio as decimal(28, 10))) as quantity
    from {{ ref("int_changes__positions_before") }} as earlier
    inner join ratios on earlier.security_id = ratios.security_id
    where ratios.new_security_id <> ratios.security_id
    group by earlier.account_id, ratios.new_security_id
),

splits as (
    select
        security_id,
        min(ratio) as ratio
    from ratios
    where new_security_id = security_id and ratio <> 1
    group by security_id
),

left_behind as (
    select distinct security_id from ratios
    where new_security_id <> security_id
)

select
    paired.account_id,
    paired.security_id,
    previous.previous_date,
    paired.previous_quantity,
    paired.quantity,
    coalesce(activity.quantity_traded, 0) as quantity_traded,
    coalesce(activity.quantity_settled, 0) as quantity_settled,
    coalesce(activity.quantity_told, 0) as quantity_told,
    coalesce(activity.has_new_transactions, false) as has_new_transactions,
    coalesce(activity.has_trades, false) as has_trades,
    splits.ratio as split_ratio,
    {{ is_same_quantity("paired.quantity", "paired.previous_quantity") }} as is_unchanged,
    -- A cash payment for a fraction leaves less than one unit out.
    coalesce(
        (splits.ratio is not null and abs(paired.quantity - paired.previous_quantity * splits.ratio) < 1)
        or (
            converted.quantity is not null
            and abs(paired.quantity - paired.previous_quantity - converted.quantity) < 1
        )
        or (left_behind.security_id is not null and paired.quantity = 0),
        false
    ) as is_restated,
    coalesce(
        {{ is_same_quantity(
            "paired.quantity", "paired.previous_quantity + coalesce(activity.quantity_traded, 0)"
        ) }}
        or {{ is_same_quantity(
            "paired.quantity", "paired.previous_quantity + coalesce(activity.quantity_settled, 0)"
        ) }}
        or {{ is_same_quantity(
            "paired.quantity", "paired.previous_quantity + coalesce(activity.quantity_told, 0)"
        ) }},
        false
    ) as is_rolled_forward,
    paired.custodian,
    paired.feed,
    paired.source_file_id,
    paired.source_row_number
from paired
inner join compared_accounts on paired.account_id = compared_accounts.account_id
cross join previous
left join {{ ref("int_changes__activity") }} as activity
    on
        paired.account_id = activity.account_id
        and paired.security_id = activity.security_id
left join splits on paired.security_id = splits.security_id
left join converted
    on
        paired.account_id = converted.account_id
        and paired.security_id = converted.security_id
left join left_behind on paired.security_id = left_behind.security_id
where paired.quantity is not null
