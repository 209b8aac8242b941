-- What compliance reads: every rule of the verification, held against every plan of the night.
select
    {{ as_of_date() }} as as_of_date,
    household_id,
    plan_id,
    check_name,
    is_passed,
    detail,
    requirement
from {{ ref('int_verification__checks') }}
