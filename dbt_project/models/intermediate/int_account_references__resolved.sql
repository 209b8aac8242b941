-- How a file names an account, and which account that is: what the firm's crosswalk says of the name as
-- the file writes it; else the account that settings hold under it; else, of a masked number (XXXX-4321,
-- ...321, *4321, XXX178), the one account of that custodian with these last digits. When there are
-- several, or the crosswalk contradicts itself, it means none.
with numbers as (
    select
        registry.account_id,
        registry.custodian,
        registry.account_number,
        settings.account_number is not null as is_in_policy,
        regexp_extract(
            registry.account_number,
            '^(?:[Xx]{2,}[-Xx]*|[*]+[-*]*|[.]{2,}|[#]{2,}|…|-)[ ]?([0-9]{2,6})$',
            1
        ) as visible_digits
    from {{ ref("stg_account_registry") }} as registry
    left join {{ ref("stg_account_settings") }} as settings
        on
            registry.custodian = settings.custodian
            and registry.account_number = settings.account_number
),

crosswalk as (
    select
        written.custodian,
        written.account_reference as account_number,
        numbers.account_id,
        written.is_contradictory
    from {{ ref("stg_account_references") }} as written
    inner join numbers
        on
            written.custodian = numbers.custodian
            and written.account_number = numbers.account_number
),

masked as (
    select
        masked_numbers.custodian,
        masked_numbers.account_number,
        min(candidates.account_id) as account_id,
        count(candidates.account_id) as candidate_count
    from numbers as masked_numbers
    inner join numbers as candidates
        on
            masked_numbers.custodian = candidates.custodian
            and candidates.is_in_policy
            and ends_with(candidates.account_number, masked_numbers.visible_digits)
    where masked_numbers.visible_digits <> '' and not masked_numbers.is_in_policy
    group by masked_numbers.custodian, masked_numbers.account_number
)

select
    numbers.custodian,
    numbers.account_number,
    case
        when crosswalk.is_contradictory then numbers.account_id
        when crosswalk.account_id is not null then crosswalk.account_id
        when masked.candidate_count = 1 then masked.account_id
        else numbers.account_id
    end as account_id,
    coalesce(crosswalk.is_contradictory, masked.candidate_count > 1, false) as is_ambiguous,
    case
        when crosswalk.account_id is not null then 'crosswalk'
        when masked.candidate_count = 1 then 'mask'
        else 'number'
    end as resolved_by
from numbers
left join crosswalk
    on
        numbers.custodian = crosswalk.custodian
        and numbers.account_number = crosswalk.account_number
left join masked
    on
        numbers.custodian = masked.custodian
        and numbers.account_number = masked.account_number
