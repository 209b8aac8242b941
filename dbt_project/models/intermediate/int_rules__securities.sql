-- Rules about identifiers of securities and what they are for tax. That one CUSIP is one security is checked
-- where identities are registered (identifier_means_one_security), what cannot be resolved among positions.
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
),

held as (
    select
        security_id,
        min(custodian) as custodian,
        min(feed) as feed,
        min(source_file_id) as source_file_id,
        arg_min(source_row_number, source_file_id || lpad(cast(source_row_number as varchar), 12, '0'))
            as source_row_number
    from {{ ref("int_positions__sources") }}
    group by security_id
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
union all by name
select
    'collectible_status_is_known' as rule,
    held.security_id,
    held.custodian,
    held.feed,
    held.source_file_id,
    held.source_row_number,
    coalesce(securities.ticker, securities.security_name) as observed,
    case
        when collectibles.collectible_source = 'contradicted'
            then
                'The rows of ' || coalesce(securities.ticker, securities.security_name)
                || ' in the security_classifications file contradict each other about is_collectible; '
                || 'correct them.'
        else
            coalesce(securities.ticker, securities.security_name) || ' sounds like a trust that holds '
            || 'metal, whose long-term gain is taxed as gain from collectibles; say true or false in '
            || 'is_collectible of the security_classifications file.'
    end || ' Until then its long-term lots in taxable accounts are not sold.' as message
from held
inner join {{ ref("int_securities__collectibles") }} as collectibles
    on held.security_id = collectibles.security_id
inner join {{ ref("int_securities__described") }} as securities on held.security_id = securities.security_id
where collectibles.is_collectible is null
