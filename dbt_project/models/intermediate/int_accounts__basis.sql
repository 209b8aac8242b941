-- What a dollar in each account counts in the weights of its allocation group: all of it, or where the
-- household's weights count after tax, what the tax expected in retirement leaves of a tax-deferred account
-- (Reichenstein, "Asset Allocation and Asset Location Decisions Revisited", Journal of Wealth Management
-- 2001). Gains that are not realised yet are not discounted. Without a stated rate it is not known.
with weighed as (
    select
        accounts.account_id,
        coalesce(settings.allocation_basis, {{ policy_text("allocation_basis") }}) as value_basis,
        cast(
            case accounts.tax_treatment
                when 'tax_deferred' then 1 - profiles.expected_retirement_rate
                when 'taxable' then 1
                when 'tax_free' then 1
            end as decimal(18, 10)
        ) as after_tax_factor
    from {{ ref("int_accounts__identified") }} as accounts
    left join {{ ref("int_tax_profiles__current") }} as profiles
        on accounts.tax_unit_id = profiles.tax_unit_id
    left join {{ ref("int_groups__settings") }} as settings
        on accounts.allocation_group_id = settings.allocation_group_id
)

select
    account_id,
    value_basis,
    after_tax_factor,
    case value_basis when 'after_tax' then after_tax_factor else 1 end as basis_factor
from weighed
