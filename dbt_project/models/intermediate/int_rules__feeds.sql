-- Rules about deliveries: a file that is required or came broken leaves its custodian's accounts waiting.
select
    'required_file_arrived' as rule,
    missing.custodian,
    case missing.row_count when 0 then 'an empty file' else 'no usable file' end as observed,
    'The ' || missing.entity || ' file of ' || missing.custodian
    || case
        when missing.row_count = 0 then ' is empty'
        when missing.demanded_because = 'quarantined' then ' came but could not be used'
        else ' did not arrive'
    end
    || '; ask the custodian for it. Households with accounts there wait until it is here.' as message
from {{ ref("int_feeds__missing") }} as missing
where missing.custodian in (select accounts.custodian from {{ ref("int_accounts__identified") }} as accounts)
