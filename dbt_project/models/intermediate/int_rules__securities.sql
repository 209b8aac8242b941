-- Rules about the identifiers of securities. That one CUSIP means one security is checked where
-- identities are registered (identifier_means_one_security), what cannot be resolved among positions.
with cusips as (
    select
        cusip,
        security_id,
        min(custodian) as custodian,
        min(feed) as feed,
        min(source_file_id) as source_file_id,
        arg_min(source_row_number, source_file_id || lpad(cast(source_row_number as varchar), 12, '0'))
            as source_row_number
    from {{ ref("int_positions__sources") }}
    where cusip is not null and coalesce(security_type, '') <> 'CASH'
    group by cusip, security_id
)

select
    'cusip_is_valid' as rule,
    security_id,
    custodian,
    feed,
    source_file_id,
    source_row_number,
    cusip as observed,
    'The last character of the CUSIP is not its check digit; ask the custodian for the right one. The '
    || 'holding is flagged.' as message
from cusips
where not coalesce({{ has_cusip_check_digit("cusip") }}, false)
