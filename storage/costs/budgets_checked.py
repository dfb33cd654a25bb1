"""What budgets have counted against the ledger: over all their periods, since a job may move on."""

from typing import Final

# An entry counts from when the budget was made; of what was booked before, what the running period held then.
# A job that was asked for again since then has left that period: which of the two it counted in, only the
# budget itself can tell, so such a budget is not checked.
BUDGETS: Final = """
    WITH booked AS (
        SELECT budgets.id, entries.nano, entries.id <= budgets.after_entry AS before,
            jobs.budgeted_at > budgets.created_at AS moved,
            entries.at >= timezone('UTC', CAST(since.start AS timestamp))
                AND budget_start(budgets.period,
                    CAST(timezone('UTC', COALESCE(jobs.budgeted_at, jobs.created_at)) AS date)) = since.start
                AS running
        FROM budgets
            CROSS JOIN LATERAL (
                SELECT budget_start(budgets.period,
                    CAST(timezone('UTC', budgets.created_at) AS date)) AS start) AS since
            JOIN ledger_entries AS entries ON entries.project_id = budgets.project_id
            JOIN jobs ON jobs.id = entries.job_id
                AND (budgets.scope = 'project' OR jobs.tags ->> budgets.tag_name = budgets.tag_value)
        WHERE budgets.project_id = :project AND budgets.counted),
    counted AS (
        SELECT id, COALESCE(sum(nano) FILTER (WHERE NOT before OR running), 0) AS nano,
            COALESCE(bool_or(before AND moved), false) AS unclear
        FROM booked GROUP BY id)
    SELECT budgets.id, (
            SELECT COALESCE(sum(held + spent), 0) FROM budget_tallies
            WHERE budget_tallies.budget_id = budgets.id) AS found, COALESCE(counted.nano, 0) AS expected
    FROM budgets LEFT JOIN counted ON counted.id = budgets.id
    WHERE budgets.project_id = :project AND budgets.counted AND NOT COALESCE(counted.unclear, false)
"""
