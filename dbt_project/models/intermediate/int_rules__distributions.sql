-- Rules about required minimum distributions: an owner of age whose amount cannot be known is told, and an
-- inherited account for which the firm has planned none. Missing is not nothing to take.
with broken as (
    select
        'required_distribution_is_known' as rule,
        household_id,
        tax_year,
        account_names,
        unknown_reason,
        unnest(account_requirements).account_id as account_id
    from {{ ref("int_required_distributions__computed") }}
    where
        unknown_reason is not null
        and (age_in_year >= applicable_age or (aggregation_group like 'inherited:%' and planned_amount = 0))
        and tax_year = cast(extract(year from {{ planned_trade_date() }}) as integer)
)

select
    rule,
    household_id,
    account_id,
    tax_year || ': ' || account_names as observed,
    'The distribution that ' || account_names || ' must make for ' || tax_year || ' is not known: '
    || unknown_reason || '. Settle it with the owner''s tax adviser; no cash is set aside for it.' as message
from broken
