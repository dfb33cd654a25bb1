"""All that a database holds, as text: to see whether something is still anywhere in it."""

from sqlalchemy import text

from services.runtime import Runtime

MONEY = ("ledger_entries",)


def everything(runtime: Runtime, *tables: str) -> str:
    """Every row of every table, or of these tables, as JSON."""
    with runtime.database.work() as session:
        connection = session.connection()
        found = connection.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename")
        )
        names = tables or tuple(found.scalars())
        rows = [
            row
            for name in names
            for row in connection.execute(
                text(f'SELECT CAST(to_jsonb(one) AS text) FROM "{name}" AS one ORDER BY 1')  # noqa: S608 - its own name
            ).scalars()
        ]
    return "\n".join(rows)
