"""The closed lists of names in orchestration: schemas, groups, owners, pools, kinds.

Belongs here: constants that more than one orchestration module writes. Does not belong here:
anything computed or read from disk.
"""

from __future__ import annotations

WAREHOUSE_POOL = "warehouse"
NIGHTLY_JOB = "nightly"

GROUP_LANDING = "landing"
GROUP_RAW = "raw"
GROUP_TAX = "tax"
GROUP_REBALANCE = "rebalance"
GROUP_REPORTS = "reports"
GROUP_OPS = "ops"

OWNER_OPERATIONS = "team:operations"
OWNER_TAX = "team:tax"
OWNER_PORTFOLIO = "team:portfolio-management"

KINDS_FEED = {"python", "duckdb"}
KINDS_EXCEL = {"python", "excel"}

POLICY_CUSTODIAN = "POLICY"
POLICY_FOLDER = "policy"

DATA_FOLDER_VARIABLE = "EVENKEEL_DATA"
WAREHOUSE_VARIABLE = "EVENKEEL_WAREHOUSE"
NIGHT_VARIABLE = "EVENKEEL_NIGHT"
DEFAULT_DATA_FOLDER = ".evenkeel"
