-- How a file names an account, and which account that is. A masked number (XXXX-4321, ...321) that
-- the firm's settings do not hold as such means the one account of that custodian with these last
-- digits; when there are several, it means none.
with numbers as (
    select
        registry.account_id,
        registry.custodian,
        registry.account_number,
        settings.account_number is not null as is_in_policy,
        regexp_extract(registry.account_number, '^(?:[Xx]{2,}-?|\*{2,}-?|\.{2,})([0-9]{2,6})$', 1)
            as visible_digits
    from {{ ref("stg_account_registry") }} as registry
    left join {{ ref("stg_account_settings") }} as settings
        on
            registry.custodian = settings.custodian
            and registry.account_number = settings.account_number
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
    case when masked.candidate_count = 1 then masked.account_id else numbers.account_id end as account_id,
    coalesce(masked.candidate_count, 0) > 1 as is_ambiguous
from numbers
left join masked
    on
        numbers.custodian = masked.custodian
        and numbers.account_number = masked.account_number
