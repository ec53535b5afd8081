"""Runs the migrations on the connection that ``records.database.migrate`` hands over."""

from alembic import context

from records.every_table import every_table

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=every_table(), render_as_batch=connection.dialect.name == "sqlite"
)
with context.begin_transaction():
    context.run_migrations()
