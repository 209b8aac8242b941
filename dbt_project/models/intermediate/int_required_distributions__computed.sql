-- What each owner must take from retirement accounts in the tax year of the planned trade date, and what is
-- left of the year before for those whose first year it was (due on 1 April). IRC 401(a)(9): the balance of
-- the last 31 December over the period of the Uniform Lifetime Table; from the year of age 73, or 75 for
-- those born in 1960 or later (72 for those born before 1951). All traditional, SEP and SIMPLE IRAs of one
-- owner are one group (Reg. 1.408-8), all 403(b)s another (Reg. 1.403(b)-6(e)(7)), each other employer plan
-- stands alone, nothing is put together across owners. A plan of the employer that the owner still works for
-- and does not own 5 % of requires nothing yet (IRC 401(a)(9)(C)); of those who left later than that age the
-- year is taken that their age says, which is never too late. An account closed since counts by its balance
-- and by what was taken from it; nothing more can be. Where the amount cannot be known the reason stands in
-- its place: missing is not nothing to take.
with tax_years as (
    select cast(extract(year from {{ planned_trade_date() }}) as integer) as tax_year
    union all
    select cast(extract(year from {{ planned_trade_date() }}) as integer) - 1 as tax_year
),

balances as (
    select
        account_references.account_id,
        stated.balance_year,
        stated.balance
    from {{ ref("stg_prior_year_end_balances") }} as stated
    inner join {{ ref("int_account_references__resolved") }} as account_references
        on
            stated.custodian = account_references.custodian
            and stated.account_number = account_references.account_number
    where stated.balance is not null
    -- The newest that was said; of several rows of one session the last of one file.
    qualify
        row_number() over (
            partition by account_references.account_id, stated.balance_year
            order by stated.as_of_date desc, stated.source_file_id desc, stated.source_row_number desc
        ) = 1
),

grouped_accounts as (
    select
        accounts.*,
        case
            when accounts.account_type in ('traditional_ira', 'sep_ira', 'simple_ira') then 'ira'
            when accounts.account_type = 'inherited_ira' then 'inherited:' || accounts.account_id
            when accounts.account_type = '403b' then '403b'
            when accounts.account_type = '401k' then 'plan:' || accounts.account_id
        end as aggregation_group,
        accounts.account_type in ('401k', '403b') as is_employer_plan,
        coalesce(owners.owner_person_id, 'account:' || accounts.account_id) as owner_person_id,
        owners.birth_date,
        owners.has_died,
        coalesce(owners.owner_count, 0) as owner_count
    from {{ ref("int_accounts__identified") }} as accounts
    left join {{ ref("int_accounts__owners") }} as owners on accounts.account_id = owners.account_id
    where
        accounts.account_type in (
            'traditional_ira', 'sep_ira', 'simple_ira', 'inherited_ira', '401k', '403b'
        )
),

-- Shares that left one account of a group and came into another of it are no distribution: the same security
-- and quantity within ten days, each with the nearest of the other side.
moves as (
    select
        moved.account_id,
        moved.transaction_key,
        moved.transaction_date,
        moved.quantity < 0 as is_out,
        accounts.owner_person_id,
        accounts.aggregation_group,
        moved.security_id,
        abs(moved.quantity) as quantity,
        row_number() over (
            partition by
                accounts.owner_person_id, accounts.aggregation_group, moved.security_id, moved.quantity,
                moved.transaction_date
            order by moved.account_id, moved.transaction_key
        ) as place
    from {{ ref("int_transactions__merged") }} as moved
    inner join grouped_accounts as accounts on moved.account_id = accounts.account_id
    where
        accounts.owner_count = 1
        and coalesce(moved.net_amount, 0) = 0
        and moved.security_id is not null
        and (
            (moved.quantity < 0 and moved.transaction_type in ('WITHDRAWAL', 'TRANSFER_OUT'))
            or (moved.quantity > 0 and moved.transaction_type in ('DEPOSIT', 'TRANSFER_IN'))
        )
),

moved_within_group as (
    select
        outs.account_id,
        outs.transaction_key
    from moves as outs
    inner join moves as ins
        on
            outs.owner_person_id = ins.owner_person_id
            and outs.aggregation_group = ins.aggregation_group
            and outs.security_id = ins.security_id
            and outs.quantity = ins.quantity
            and outs.place = ins.place
            and outs.account_id <> ins.account_id
            and abs(outs.transaction_date - ins.transaction_date) <= 10
    where outs.is_out and not ins.is_out
    qualify
        row_number() over (
            partition by outs.account_id, outs.transaction_key
            order by abs(outs.transaction_date - ins.transaction_date), ins.account_id, ins.transaction_key
        ) = 1
        and row_number() over (
            partition by ins.account_id, ins.transaction_key
            order by
                abs(outs.transaction_date - ins.transaction_date), outs.account_id, outs.transaction_key
        ) = 1
),

left_for_good as (
    select transactions.*
    from {{ ref("int_transactions__merged") }} as transactions
    left join moved_within_group
        on
            transactions.account_id = moved_within_group.account_id
            and transactions.transaction_key = moved_within_group.transaction_key
    where
        moved_within_group.account_id is null
        and transactions.transaction_type in ('WITHDRAWAL', 'TRANSFER_OUT')
        and (transactions.net_amount < 0 or coalesce(transactions.net_amount, 0) = 0)
),

-- Money that left the account in the year, tax withheld from it included: custodians book a distribution
-- gross. Without transactions since 1 January it is not known; nor is what securities were worth that left
-- in kind, or whether they went to another retirement account.
withdrawn as (
    select
        account_id,
        cast(extract(year from transaction_date) as integer) as tax_year,
        coalesce(
            sum(-net_amount) filter (where transaction_type = 'WITHDRAWAL' and net_amount < 0), 0
        ) as distributed,
        bool_or(
            coalesce(net_amount, 0) = 0
            and (quantity < 0 or (transaction_type = 'WITHDRAWAL' and net_amount is null))
        ) is true as has_unvalued
    from left_for_good
    group by account_id, tax_year
),

planned as (
    select
        account_id,
        cast(extract(year from required_by_date) as integer) as due_year,
        sum(amount) as planned,
        coalesce(
            sum(amount) filter (where required_by_date <= make_date(year(required_by_date), 4, 1)), 0
        ) as planned_by_april
    from {{ ref("int_cash_flows__identified") }}
    where flow_type = 'rmd' and is_open and required_by_date is not null
    group by account_id, due_year
),

accounts as (
    select
        accounts.account_id,
        accounts.household_id,
        coalesce(accounts.account_name, 'an account without a name') as account_name,
        coalesce(accounts.account_status, 'open') <> 'closed' as is_open,
        tax_years.tax_year,
        accounts.aggregation_group,
        accounts.owner_person_id,
        accounts.birth_date,
        accounts.has_died,
        accounts.owner_count,
        accounts.is_employer_plan and accounts.plan_employment is null as is_employment_unknown,
        coalesce(accounts.is_employer_plan and accounts.plan_employment = 'current_employer', false)
            as is_exempt,
        tax_years.tax_year - year(accounts.birth_date) as age_in_year,
        case
            when year(accounts.birth_date) >= 1960 then 75
            when year(accounts.birth_date) >= 1951 then 73
            when accounts.birth_date is not null then 72
        end as applicable_age,
        balances.balance,
        coalesce(withdrawn.distributed, 0) as distributed,
        coalesce(coverage.history_from_date <= make_date(tax_years.tax_year, 1, 1), false)
            as is_history_known,
        coalesce(withdrawn.has_unvalued, false) as has_unvalued,
        coalesce(planned.planned, 0) as planned,
        coalesce(planned_after.planned_by_april, 0) as planned_after
    from grouped_accounts as accounts
    cross join tax_years
    left join balances
        on
            accounts.account_id = balances.account_id
            and balances.balance_year = tax_years.tax_year - 1
    left join withdrawn
        on
            accounts.account_id = withdrawn.account_id
            and tax_years.tax_year = withdrawn.tax_year
    left join {{ ref("int_transactions__coverage") }} as coverage
        on accounts.account_id = coverage.account_id
    left join planned
        on
            accounts.account_id = planned.account_id
            and tax_years.tax_year = planned.due_year
    left join planned as planned_after
        on
            accounts.account_id = planned_after.account_id
            and tax_years.tax_year + 1 = planned_after.due_year
    where
        coalesce(accounts.account_status, 'open') <> 'closed'
        or balances.balance > 0
        or withdrawn.account_id is not null
),

last_age as (
    select max(age) as age from {{ ref("seed_distribution_periods") }}
),

measured as (
    select
        accounts.*,
        periods.distribution_period,
        case
            when accounts.is_exempt then 0
            when accounts.age_in_year >= accounts.applicable_age
                then cast(round(accounts.balance / periods.distribution_period, 2) as decimal(24, 6))
        end as account_requirement
    from accounts
    cross join last_age
    left join {{ ref("seed_distribution_periods") }} as periods
        on
            -- least leaves nulls out: an unknown age would be the highest of the table.
            periods.age
            = case when accounts.age_in_year is not null then least(accounts.age_in_year, last_age.age) end
),

grouped as (
    select
        owner_person_id,
        aggregation_group,
        tax_year,
        min(household_id) as household_id,
        min(age_in_year) as age_in_year,
        min(applicable_age) as applicable_age,
        min(distribution_period) as distribution_period,
        string_agg(account_name, ', ' order by account_name, account_id) as account_names,
        -- Nothing can be taken from a closed account.
        list(
            struct_pack(account_id := account_id, requirement := account_requirement) order by account_id
        ) filter (where is_open) as account_requirements,
        sum(distributed) as withdrawn_amount,
        sum(planned) as planned_amount,
        sum(planned_after) as planned_after_amount,
        bool_and(is_history_known and not has_unvalued) as is_distributed_known,
        bool_and(is_exempt) as is_exempt,
        coalesce(min(age_in_year) >= min(applicable_age), false) as is_of_age,
        coalesce(min(age_in_year) = min(applicable_age), false) as is_first_year,
        case
            when aggregation_group like 'inherited:%'
                then 'the schedule of an inherited account is set by the firm'
            when max(owner_count) <> 1 then 'the custodian does not say who the one owner is'
            when bool_or(has_died) then 'the owner has died: the firm sets what is still to be taken'
            when count(birth_date) < count(*) then 'the owner''s birth date is not known'
            when min(age_in_year) >= min(applicable_age) and bool_or(is_employment_unknown)
                then
                    'whether the owner still works for the employer of '
                    || string_agg(
                        account_name, ', ' order by account_name
                    ) filter (where is_employment_unknown)
                    || ' is not known, so neither is whether a distribution is required'
            when
                min(age_in_year) >= min(applicable_age)
                and count(*) filter (where balance is null and not is_exempt) > 0
                then
                    'the balance at the end of ' || (tax_year - 1) || ' is not known for '
                    || string_agg(
                        account_name, ', ' order by account_name
                    ) filter (where balance is null and not is_exempt)
            when min(age_in_year) >= min(applicable_age) and not bool_and(is_history_known)
                then
                    'transactions are not known from 1 January ' || tax_year
                    || ' on, so neither is what was taken'
            when min(age_in_year) >= min(applicable_age) and bool_or(has_unvalued)
                then
                    'something without a stated value left '
                    || string_agg(account_name, ', ' order by account_name) filter (where has_unvalued)
                    || ' in ' || tax_year || ', so what was taken is not known'
        end as unknown_reason,
        case
            when
                aggregation_group not like 'inherited:%' and max(owner_count) = 1 and not bool_or(has_died)
                and not bool_or(is_employment_unknown) and count(account_requirement) = count(*)
                then sum(account_requirement)
        end as required_amount
    from measured
    group by owner_person_id, aggregation_group, tax_year
),

-- What was left of a first year on 31 December is taken first in the year after it. Unknown amounts stay
-- unknown: greatest and least leave nulls out, so they are asked for known ones only.
left_of_year as (
    select
        *,
        case
            when not is_first_year then 0
            when required_amount is not null and is_distributed_known
                then greatest(required_amount - withdrawn_amount, 0)
        end as left_of_first_year
    from grouped
),

carried as (
    select
        *,
        case
            when lag(tax_year) over by_year is null then 0
            else lag(left_of_first_year) over by_year
        end as carried_in,
        lead(withdrawn_amount) over by_year as withdrawn_after
    from left_of_year
    window by_year as (partition by owner_person_id, aggregation_group order by tax_year)
),

settled as (
    select
        * exclude (unknown_reason),
        case
            when is_distributed_known and carried_in is not null and left_of_first_year is not null
                then
                    greatest(withdrawn_amount - carried_in, 0)
                    + least(left_of_first_year, coalesce(withdrawn_after, 0))
        end as distributed_amount,
        coalesce(
            unknown_reason,
            case
                when is_of_age and carried_in is null
                    then 'what was left of the first distribution, of ' || (tax_year - 1) || ', is not known'
            end
        ) as unknown_reason
    from carried
),

remaining as (
    select
        *,
        case
            when unknown_reason is null and required_amount is not null and distributed_amount is not null
                then greatest(required_amount - distributed_amount, 0)
        end as remaining_amount
    from settled
),

-- What is planned from 1 January to 1 April is what is left of the first year before it is the second's.
planned_in_order as (
    select
        *,
        case
            when is_first_year and remaining_amount is not null
                then least(greatest(remaining_amount - planned_amount, 0), planned_after_amount)
            else 0
        end as planned_next_spring
    from remaining
),

planned_by_year as (
    select
        * exclude (planned_amount),
        planned_amount + planned_next_spring - coalesce(lag(planned_next_spring) over by_year, 0)
            as planned_amount
    from planned_in_order
    window by_year as (partition by owner_person_id, aggregation_group order by tax_year)
)

select
    owner_person_id,
    aggregation_group,
    tax_year,
    household_id,
    age_in_year,
    applicable_age,
    distribution_period,
    account_names,
    account_requirements,
    required_amount,
    distributed_amount,
    planned_amount,
    remaining_amount,
    case
        when is_of_age and is_first_year then make_date(tax_year + 1, 4, 1)
        when is_of_age then make_date(tax_year, 12, 31)
    end as due_date,
    unknown_reason
from planned_by_year
where
    (is_of_age or unknown_reason is not null)
    and not is_exempt
    -- Of the year before only a first distribution may still be open, until 1 April.
    and (
        tax_year = cast(extract(year from {{ planned_trade_date() }}) as integer)
        or (is_first_year and {{ planned_trade_date() }} <= make_date(tax_year + 1, 4, 1))
    )
