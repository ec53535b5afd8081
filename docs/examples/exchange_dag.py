"""The exchange under Apache Airflow 3: one task a connector, and the watched folder.

In Airflow 2 the imports are ``from airflow import DAG`` and ``from airflow.operators.bash import BashOperator``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HUIXIN = "/opt/huixin/.venv/bin/huixin"
# Connector file -> (environment variable that it names, Airflow connection that holds the URL).
CONNECTORS = {
    "tax-filing": ("TAX_DATABASE_URL", "tax_database"),
    "court-enforcement": ("COURT_DATABASE_URL", "court_database"),
}
# Exit status 1 means that some rows were refused and wait for their source to correct them; the rest was taken.
ACCEPTED = '|| test "$?" -eq 1'

with DAG(
    dag_id="huixin_exchange",
    schedule="10 * * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    # A range that was begun is taken again under the same key, so a retry adds nothing twice.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=10)},
    max_active_runs=1,
    tags=["huixin"],
) as dag:
    for name, (variable, connection) in CONNECTORS.items():
        BashOperator(
            task_id=f"pull-{name}",
            bash_command=f"{HUIXIN} exchange pull /etc/huixin/{name}.toml {ACCEPTED}",
            env={variable: f"{{{{ conn.{connection}.get_uri() }}}}", "HUIXIN_HOME": "/srv/huixin"},
            append_env=True,
        )
    BashOperator(
        task_id="watched-folder",
        bash_command=f"{HUIXIN} exchange watch /srv/exchange --once {ACCEPTED}",
        env={"HUIXIN_HOME": "/srv/huixin"},
        append_env=True,
    )
