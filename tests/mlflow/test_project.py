"""The MLflow project: its entry points run Huixin's own commands, from the folder that holds no Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.projects._project_spec import load_project

from records.settings import Settings
from tests.mlflow.serving import own_environment

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("entry", "given", "command"),
    [
        ("main", {}, "huixin train --seed 20260101"),
        ("train", {"segment": "farmer"}, "huixin train --segment farmer --seed 20260101"),
        ("versions", {}, "huixin model list"),
        ("compare", {}, "huixin model compare enterprise --same-rows"),
        ("gate", {"version": "3"}, "huixin model gate enterprise 3"),
        ("promote", {"version": "3"}, "huixin model promote enterprise 3"),
        (
            "rollback",
            {"reason": "PSI is red; stop"},
            "huixin model rollback --segment enterprise --reason 'PSI is red; stop'",
        ),
        ("monitor", {"segment": "farmer"}, "huixin model monitor farmer"),
        ("shadow", {}, "huixin model shadow enterprise"),
    ],
)
def test_entry_points_name_commands_that_exist(entry: str, given: dict[str, str], command: str) -> None:
    project = load_project(str(ROOT / "mlflow"))
    made = project.get_entry_point(entry).compute_command({"home": "/somewhere", **given}, None)
    assert made == f"HUIXIN_HOME=/somewhere {command}"
    words = command.split()[1:3] if " model " in command else command.split()[1:2]
    shown = subprocess.run([sys.executable, "-m", "huixin.cli", *words, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


def test_the_project_runs(tmp_path: Path) -> None:
    environment = own_environment(
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        MLFLOW_TRACKING_URI=Settings(home=tmp_path).tracking_uri,
    )
    command = [sys.executable, "-m", "mlflow", "run", str(ROOT / "mlflow"), "-e", "versions", "-P", f"home={tmp_path}"]
    command += ["--env-manager", "local", "--experiment-name", "huixin"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Registered models" in done.stdout + done.stderr


def test_the_folder_holds_no_python() -> None:
    assert not list((ROOT / "mlflow").rglob("*.py"))
