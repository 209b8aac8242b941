with received as (
    {{ policy_rows_in_force("permitted_securities") }}
),

typed as (
    select
        feed,
        source_file_id,
        source_row_number,
        try_cast(valid_from as date) as valid_from,
        {{ as_text("permitted_list") }} as permitted_list,
        {{ security_key(["cusip", "ticker"]) }} as security_key,
        {{ as_ticker("ticker") }} as ticker,
        {{ as_code("cusip") }} as cusip
    from received
)

select
    *,
    count(*) over (partition by permitted_list, ticker, cusip) as rows_in_force
from typed
-- A row that names the same thing twice is reported by int_rules__policy; the newest holds.
qualify
    row_number() over (
        partition by permitted_list, ticker, cusip
        order by valid_from desc, source_row_number desc
    ) = 1
