-- Accounts that files with transactions name beside them: of these a file says also that there were none.
select distinct
    accounts.as_of_date,
    accounts.source_file_id,
    accounts.custodian,
    {{ as_text("accounts.account_number") }} as account_number
from {{ source("raw", "accounts") }} as accounts
inner join {{ ref("stg_source_files") }} as files
    on
        accounts.as_of_date = files.as_of_date
        and accounts.source_file_id = files.source_file_id
        and files.entity = 'transactions'
