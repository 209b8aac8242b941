-- Every row about overrides that any file up to the session has held, with all its words as one text: what a
-- decision says, so that the same words are the same decision.
{% set said = [
    "override_id", "override_type", "rule", "household_id", "custodian", "account_number", "ticker", "cusip",
    "lot_id", "column_name", "value", "reason", "approved_by", "expires_date", "valid_from", "valid_to",
] %}

select
    as_of_date,
    source_file_id,
    source_row_number,
    concat_ws(
        '|'
        {% for column in said -%}
            , coalesce(trim({{ column }}), '')
        {% endfor %}
    ) as content
from {{ source("raw", "overrides") }}
where as_of_date <= {{ as_of_date() }}
