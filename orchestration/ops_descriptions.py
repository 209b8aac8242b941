"""What the tables of schema ops that orchestration writes mean, for the comments analysts read.

Belongs here: one sentence per table and column. Does not belong here: their types
(orchestration.warehouse), the tables that dbt writes (their yml). Column names that several tables
share mean the same in all of them.
"""

from __future__ import annotations

TABLES: dict[str, str] = {
    "received_files": "Every file of the landing folder, recognised or not. One row per file.",
    "source_files": "Files received for a session and what became of them. One row per file.",
    "file_entities": "What each accepted file delivered. One row per file and entity.",
    "contract_violations": "Every broken rule of a contract, unmasked. One row per violation.",
    "contract_rules": "Names of the rules that contracts and registry check. One row per rule.",
    "nights": "How each night ended. One row per session and version.",
    "workbooks": "Household workbooks of a session. One row per household.",
    "trade_decisions": "Decisions of advisors, by the session for which they were made. One row "
    "per returned workbook and trade.",
    "working_session": "The session that the working tables are built for. One row.",
    "stage_timings": "What each stage of a night cost. One row per run and stage.",
}

COLUMNS: dict[str, str] = {
    "account_id": "Account.",
    "action": "buy or sell.",
    "advisor_id": "The advisor whose folder the workbook lies in; of a decision, who decided.",
    "account_number": "Account number as received.",
    "as_of_date": "Session that the row is about.",
    "as_of_source": "Where the file states its date: TRAILER, TITLE, FILE_NAME, FIELD or folder.",
    "cell": "Cell of the returned workbook that holds the decision.",
    "children_peak_memory_mb": "Most memory of the processes the stage started, megabytes.",
    "control_amount": "Total market value or quantity that the file itself states.",
    "control_row_count": "Rows that the file itself says it has.",
    "covered_from_date": "First day of the transactions the file says it holds; null: not said.",
    "covered_to_date": "Last day of the transactions the file says it holds; null: not said.",
    "custodian": "Custodian code: the landing folder's name in upper case.",
    "decided_at": "When it was decided, UTC.",
    "decided_quantity": "Shares that may be traded by the decision; 0 where it is rejected.",
    "decision": "approve, reject or override.",
    "decision_note": "What the advisor wrote beside it.",
    "delivery_mode": "FULL, or DELTA where only changes are sent.",
    "detail": "Why a workbook failed.",
    "entity": "Canonical entity the rows belong to.",
    "expected": "What the rule demands.",
    "feed": "Feed that recognised the file.",
    "feed_role": "source, or cross_check where it only confirms another feed.",
    "file_name": "Name of the file as received.",
    "header_fingerprint": "Sixteen digits that name the header: a new one is a changed layout.",
    "household_id": "Household.",
    "is_copy": "True when the file is recognised only by another one with the same bytes.",
    "is_stale": "True when an earlier session was run anew since: the night stands on older facts.",
    "known_at": "When the night was recorded, UTC.",
    "lot_key": "The custodian's id of the lot, where the row names one.",
    "manifest_hash": "SHA-256 over all inputs of the night: files, policy, code.",
    "message": "The finding as a sentence that says what to do.",
    "note": "What people should know of the night.",
    "observed": "What the file says.",
    "parser_version": "Version of the feed's reader.",
    "path": "Where the workbook lies beneath the session's folder.",
    "plan_as_of_date": "Night that made the plan.",
    "plan_id": "Plan.",
    "plan_version": "Version of the plan.",
    "peak_memory_mb": "Most memory of the process until the stage ended, megabytes.",
    "proposed_quantity": "Shares that the plan proposes.",
    "received_at": "When the file was first received, UTC.",
    "replaced_by": "Name of the file that holds in place of this one; null: none does.",
    "return_number": "Running number of the returned workbook in the records.",
    "return_state": "in_force, replaced by a later return, or conflicting with another one.",
    "row_count": "Rows loaded.",
    "rule": "Name of the rule; of a violation, the broken one.",
    "run_id": "Run of the orchestrator.",
    "scope": "How far the finding reaches: lot, position, account, household or feed.",
    "seconds": "Time it took.",
    "report_language": "Language of the texts, as the household or the firm wants it.",
    "untranslated_count": "Sentences that stayed English because no catalogue has them.",
    "security_id": "Security.",
    "security_key": "Identifier of the security as received.",
    "severity": "block or warn.",
    "sha256": "SHA-256 of the workbook.",
    "size_bytes": "Size of the file.",
    "snooze_until_date": "Day until which a rejected trade rests; null: none was named.",
    "source_file_id": "SHA-256 of the file.",
    "source_row_number": (
        "Physical line in the file, counted from 1; of a document with several rows on one line, "
        "the number of the row's element."
    ),
    "stage": "Name of the stage.",
    "stale_reason": "Which earlier session was run anew.",
    "state": "complete, degraded or failed.",
    "stated_as_of_date": "Date the file itself states; null: none.",
    "status": (
        "Fate of a file: LOADED, QUARANTINED (refused), DUPLICATE (bytes of another file), "
        "SUPERSEDED (a later one holds); of a workbook: written, unchanged, failed."
    ),
    "trade_id": "Trade.",
    "version": "How often the session's night has been run anew, from 1.",
    "who_must_act": "Who can settle it.",
}
