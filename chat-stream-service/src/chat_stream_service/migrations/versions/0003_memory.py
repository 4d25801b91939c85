"""What is remembered: a summary of each conversation, the turns of a user with their full-text index, and what
other memories still have to forget.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
# The index holds no texts of its own; these keep it in step with the table, deletions by cascade included.
_SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE memory_index USING fts5(terms, content='memories', content_rowid='number')",
    "CREATE TRIGGER memory_index_add AFTER INSERT ON memories BEGIN"
    " INSERT INTO memory_index(rowid, terms) VALUES (new.number, new.terms); END",
    "CREATE TRIGGER memory_index_remove AFTER DELETE ON memories BEGIN"
    " INSERT INTO memory_index(memory_index, rowid, terms) VALUES ('delete', old.number, old.terms); END",
)
_POSTGRESQL_INDEX = ("CREATE INDEX ix_memories_terms ON memories USING gin (to_tsvector('simple', terms))",)


def upgrade() -> None:
    """Create the tables of memory and add the summary to conversations."""
    op.add_column("conversations", sa.Column("summary", sa.Text, nullable=False, server_default=""))
    op.add_column("conversations", sa.Column("summary_until", sa.String(64), nullable=False, server_default=""))
    _create_memories()
    _create_erasures()
    for statement in _SQLITE_INDEX if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_INDEX:
        op.execute(statement)


def downgrade() -> None:
    """Forget everything."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE memory_index")
    op.drop_table("memories")
    op.drop_table("memory_erasures")
    op.drop_column("conversations", "summary")
    op.drop_column("conversations", "summary_until")


def _create_memories() -> None:
    op.create_table(
        "memories",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("tenant_id", sa.String(256), nullable=False),
        sa.Column("user_id", sa.String(256), nullable=False),
        sa.Column(
            "conversation_id", sa.String(64), sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("stream_id", sa.String(64), nullable=False, unique=True),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=True),
        sa.Column("vector_model", sa.String(256), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_memories_owner", "memories", ["tenant_id", "user_id", "number"])
    op.create_index("ix_memories_conversation", "memories", ["conversation_id"])


def _create_erasures() -> None:
    op.create_table(
        "memory_erasures",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("memory", sa.String(64), nullable=False),
        sa.Column("tenant_id", sa.String(256), nullable=False),
        sa.Column("user_id", sa.String(256), nullable=False),
        sa.Column("conversation_id", sa.String(64), nullable=False),
        sa.Column("create_time", sa.BigInteger, nullable=False),
    )
