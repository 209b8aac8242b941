-- Which broken rules of tonight which override accepts: the first one whose every stated part fits. A
-- custodian alone fits only what is wrong with a whole feed.
select
    violations.violation_number,
    overrides.override_id,
    overrides.reason,
    overrides.approved_by,
    overrides.expires_date,
    overrides.source_file_id,
    overrides.source_row_number
from {{ ref("int_violations__raised") }} as violations
inner join {{ ref("int_overrides__in_force") }} as overrides
    on
        violations.rule = overrides.rule
        and overrides.override_type = 'accept'
        and violations.is_acceptable
        and (overrides.household_id is null or violations.household_id = overrides.household_id)
        and (overrides.account_id is null or violations.account_id = overrides.account_id)
        and (overrides.security_id is null or violations.security_id = overrides.security_id)
        and (overrides.lot_id is null or violations.lot_id = overrides.lot_id)
        and (overrides.custodian is null or violations.custodian = overrides.custodian)
        and (
            violations.scope = 'feed'
            or coalesce(
                overrides.household_id, overrides.account_id, overrides.security_id, overrides.lot_id
            ) is not null
        )
qualify
    row_number() over (
        partition by violations.violation_number
        order by overrides.override_id, overrides.source_row_number
    ) = 1
