-- Whose each account is, as the custodians' lists of owners say: one person's, or several persons'.
select
    account_references.account_id,
    case
        when count(distinct owners.person_id) filter (where owners.owner_role = 'owner') = 1
            then min(owners.person_id) filter (where owners.owner_role = 'owner')
    end as owner_person_id,
    count(distinct owners.person_id) filter (where owners.owner_role = 'owner') as owner_count,
    count(distinct owners.person_id) as holder_count,
    min(persons.birth_date) filter (where owners.owner_role = 'owner') as birth_date,
    coalesce(
        bool_or(persons.death_date is not null) filter (where owners.owner_role = 'owner'), false
    ) as has_died
from {{ ref("stg_account_owners") }} as owners
inner join {{ ref("int_account_references__resolved") }} as account_references
    on
        owners.custodian = account_references.custodian
        and owners.account_number = account_references.account_number
left join {{ ref("stg_persons") }} as persons
    on
        owners.custodian = persons.custodian
        and owners.person_id = persons.person_id
where owners.owner_role in ('owner', 'joint')
group by account_references.account_id
