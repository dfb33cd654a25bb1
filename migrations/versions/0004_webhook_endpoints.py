"""Endpoints of projects, secrets that are being rotated, and the order in which events are read back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TIME = sa.DateTime(timezone=True)

# Every way in which an event comes to be written passes here, in bulk or alone, so none can forget the
# endpoints. The time and the order of a delivery's id (UUIDv7) are its event's; the rest is chance. A test
# goes to the one endpoint that it tries.
_FAN_OUT = """
CREATE FUNCTION deliver_to_endpoints() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO deliveries (id, event_id, project_id, endpoint_id, url, status, tries, next_at, created_at)
    SELECT CAST(substr(CAST(fresh.id AS text), 1, 18) || substr(CAST(gen_random_uuid() AS text), 19) AS uuid),
        fresh.id, fresh.project_id, endpoint.id, endpoint.url, 'pending', 0, fresh.created_at,
        fresh.created_at
    FROM fresh JOIN webhook_endpoints AS endpoint ON endpoint.project_id = fresh.project_id
    WHERE endpoint.enabled AND fresh.type <> 'webhook.test'
      AND (endpoint.event_types IS NULL OR fresh.type = ANY(endpoint.event_types));
    IF FOUND THEN
        PERFORM pg_notify('darkroom_wake', '');
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGER = (
    "CREATE TRIGGER events_fan_out AFTER INSERT ON events REFERENCING NEW TABLE AS fresh "
    "FOR EACH STATEMENT EXECUTE FUNCTION deliver_to_endpoints()"
)


def upgrade() -> None:
    """Apply the revision."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("event_types", sa.ARRAY(sa.String()), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(), nullable=True),
        sa.Column("failing_since", _TIME, nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("former_secret", sa.LargeBinary(), nullable=True),
        sa.Column("former_until", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("deleted_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_endpoints_project_id", "webhook_endpoints", ["project_id"])
    op.add_column("projects", sa.Column("former_secret", sa.LargeBinary(), nullable=True))
    op.add_column("projects", sa.Column("former_until", _TIME, nullable=True))
    op.add_column("deliveries", sa.Column("endpoint_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "deliveries_endpoint_id_fkey", "deliveries", "webhook_endpoints", ["endpoint_id"], ["id"]
    )
    op.create_index(
        "deliveries_by_endpoint",
        "deliveries",
        ["endpoint_id", "id"],
        postgresql_where=sa.text("endpoint_id IS NOT NULL"),
    )
    op.create_index("deliveries_by_project", "deliveries", ["project_id", "id"])
    op.add_column("events", sa.Column("place", sa.BigInteger(), nullable=True))
    op.execute("CREATE SEQUENCE event_places")
    op.create_index("events_by_place", "events", ["project_id", "place"])
    op.create_index(
        "events_without_place", "events", ["project_id", "id"], postgresql_where=sa.text("place IS NULL")
    )
    op.create_index("ix_events_created_at", "events", ["created_at"])
    op.execute(_FAN_OUT)
    op.execute(_TRIGGER)


def downgrade() -> None:
    """Take the revision back."""
    op.execute("DROP TRIGGER events_fan_out ON events")
    op.execute("DROP FUNCTION deliver_to_endpoints()")
    for name in ("ix_events_created_at", "events_without_place", "events_by_place"):
        op.drop_index(name, table_name="events")
    op.execute("DROP SEQUENCE event_places")
    op.drop_column("events", "place")
    op.drop_index("deliveries_by_project", table_name="deliveries")
    op.drop_index("deliveries_by_endpoint", table_name="deliveries")
    op.drop_column("deliveries", "endpoint_id")
    op.drop_column("projects", "former_until")
    op.drop_column("projects", "former_secret")
    op.drop_table("webhook_endpoints")
