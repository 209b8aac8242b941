{% set casts = {
    "expires_date": "date",
} %}

with received as (
    {{ policy_rows_in_force("overrides", only_valid=false) }}
    -- Ended by the firm: there is nothing more to say of it.
    where coalesce(try_cast(received.valid_to as date), {{ as_of_date() }}) >= {{ as_of_date() }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        try_cast(valid_to as date) as valid_to,
        coalesce(
            (trim(valid_from) <> '' and try_cast(valid_from as date) is null)
            or (trim(valid_to) <> '' and try_cast(valid_to as date) is null),
            false
        ) as has_unreadable_validity,
        coalesce(try_cast(valid_from as date) > {{ as_of_date() }}, false) as is_in_the_future,
        {{ as_text("override_id") }} as override_id,
        lower({{ as_text("override_type") }}) as override_type,
        lower({{ as_text("rule") }}) as rule,
        {{ as_text("household_id") }} as household_id,
        -- A row that names no custodian carries the owner of the file.
        nullif(nullif(upper(trim(custodian)), ''), 'POLICY') as custodian,
        {{ as_text("account_number") }} as account_number,
        case when trim(ticker) <> '' or trim(cusip) <> '' then {{ security_key(["cusip", "ticker"]) }} end
            as security_key,
        {{ as_ticker("ticker") }} as ticker,
        {{ as_code("cusip") }} as cusip,
        {{ as_text("lot_id") }} as lot_id,
        lower({{ as_text("column_name") }}) as column_name,
        {{ as_text("value") }} as value,
        {{ as_text("reason") }} as reason,
        {{ as_text("approved_by") }} as approved_by,
        {{ cast_columns(casts) }},
        {{ rejected_values(casts) }}
    from received
)

select
    *,
    -- The last session counts; a decision whose end cannot be read has none, and holds no more.
    coalesce(expires_date >= {{ as_of_date() }}, false) as is_unexpired,
    count(*) over (partition by override_id, is_in_the_future) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds. A decision
-- without an id cannot be used, and every one is told.
qualify
    override_id is null
    or row_number() over (
        partition by override_id, is_in_the_future
        order by valid_from desc, source_row_number desc
    ) = 1
