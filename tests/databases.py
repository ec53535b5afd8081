"""Databases on the PostgreSQL that the tests of a worker share."""

from __future__ import annotations

from sqlalchemy import create_engine, make_url, text


def own_database(server: str, name: str) -> str:
    """URL of a new, empty database: what keeps a schema of its own must not share one with others."""
    url = make_url(server).set(drivername="postgresql+psycopg")
    with create_engine(url, isolation_level="AUTOCOMMIT").connect() as admin:
        admin.execute(text(f'CREATE DATABASE "{name}"'))
    return url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
