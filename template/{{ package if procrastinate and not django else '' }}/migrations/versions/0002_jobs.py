"""Create the queue."""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The cursor takes it as it stands: many statements, and percent signs that are no parameters.
    op.get_bind().connection.cursor().execute(SchemaManager.get_schema())


def downgrade() -> None:
    for kind, names in {
        "TABLE": "SELECT tablename FROM pg_tables WHERE starts_with(tablename, :ours)",
        "FUNCTION": "SELECT DISTINCT proname FROM pg_proc WHERE starts_with(proname, :ours)",
        "TYPE": "SELECT typname FROM pg_type WHERE starts_with(typname, :ours)",
    }.items():
        for name in op.get_bind().scalars(sa.text(names), {"ours": "procrastinate_"}).all():
            op.execute(f"DROP {kind} {name} CASCADE")
