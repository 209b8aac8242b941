-- Which security a row means: its custodian's own id, else CUSIP, else ISIN, else ticker, as the
-- registry has them. A row whose identifiers the registry does not know keeps a name of its own, so
-- that what it says is neither lost nor mixed with another security.
with security_keys as (
    {% for entity in [
        "positions", "tax_lots", "closed_lots", "transactions", "prices", "open_orders", "securities",
        "model_securities", "permitted_securities", "security_custodians", "security_classifications",
        "restrictions", "corporate_actions",
    ] -%}
        select security_key from {{ ref("stg_" ~ entity) }}
        {% if not loop.last %}union
        {% endif %}
    {%- endfor %}
),

parts as (
    select
        security_key,
        split_part(security_key, '|', 1) as custodian,
        split_part(security_key, '|', 2) as custodian_security_id,
        split_part(security_key, '|', 3) as cusip,
        split_part(security_key, '|', 4) as isin,
        split_part(security_key, '|', 5) as ticker
    from security_keys
    where security_key <> '||||'
),

matched as (
    select
        parts.security_key,
        parts.cusip,
        parts.ticker,
        by_custodian.security_id as security_by_custodian,
        by_cusip.security_id as security_by_cusip,
        by_isin.security_id as security_by_isin,
        by_ticker.security_id as security_by_ticker
    from parts
    left join {{ ref("stg_security_registry") }} as by_custodian
        on
            parts.custodian_security_id = by_custodian.id_value
            and parts.custodian = by_custodian.custodian
            and by_custodian.id_type = 'CUSTODIAN_ID'
    left join {{ ref("stg_security_registry") }} as by_cusip
        on parts.cusip = by_cusip.id_value and by_cusip.id_type = 'CUSIP'
    left join {{ ref("stg_security_registry") }} as by_isin
        on parts.isin = by_isin.id_value and by_isin.id_type = 'ISIN'
    left join {{ ref("stg_security_registry") }} as by_ticker
        on parts.ticker = by_ticker.id_value and by_ticker.id_type = 'TICKER'
)

select
    security_key,
    nullif(cusip, '') as cusip,
    nullif(ticker, '') as ticker,
    coalesce(
        security_by_custodian, security_by_cusip, security_by_isin, security_by_ticker,
        'unresolved:' || left(md5(security_key), 12)
    ) as security_id,
    coalesce(
        security_by_custodian, security_by_cusip, security_by_isin, security_by_ticker
    ) is not null as is_resolved
from matched
union all
-- Rows without any identifier.
select
    '||||' as security_key,
    null as cusip,
    null as ticker,
    'unresolved:no-identifier' as security_id,
    false as is_resolved
