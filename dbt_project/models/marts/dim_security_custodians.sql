select
    {{ as_of_date() }} as as_of_date,
    identified.security_id,
    terms.custodian,
    coalesce(terms.is_available, true) as is_available,
    coalesce(terms.is_fractional, false) as is_fractional,
    coalesce(terms.trades_in, 'shares') as trades_in,
    terms.minimum_amount,
    terms.transaction_fee,
    terms.redemption_days,
    terms.cut_off_time
from {{ ref("stg_security_custodians") }} as terms
inner join
    {{ ref("int_securities__identified") }} as identified
    on terms.security_key = identified.security_key
qualify
    row_number() over (
        partition by identified.security_id, terms.custodian
        order by terms.valid_from desc, terms.source_row_number desc
    ) = 1
