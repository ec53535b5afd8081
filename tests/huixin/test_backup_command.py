"""``huixin backup`` and ``huixin restore`` as an operator types them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from county.numbers import enterprise_numbers
from records.base import RecordBase
from records.settings import Settings

PROGRAM = str(Path(sys.executable).with_name("huixin"))


def run(*words: object, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HUIXIN_HOME": str(home), "COLUMNS": "200"}
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, env=environment, timeout=300)


def test_an_installation_is_backed_up_destroyed_and_restored(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "backup"
    number = enterprise_numbers(np.arange(1))[0]
    batch = tmp_path / "a.csv"
    batch.write_text(f"record_id,subject_number,occurred_on,amount\na,{number},2025-01-02,5\n")
    base = RecordBase.open(Settings(home=home))
    base.append(batch, "tax.arrears")
    base.engine.dispose()
    made = run("backup", folder, home=home)
    assert made.returncode == 0
    assert "1 batches, 1 records" in made.stdout
    assert str(folder) in made.stdout
    assert "guard it like the base itself" in made.stdout
    refused = run("restore", folder, home=home)
    assert (refused.returncode, "restore-refused" in refused.stderr) == (2, True)
    shutil.rmtree(home)
    assert "the backup is whole" in run("restore", folder, "--check", home=home).stdout
    assert not home.exists()
    restored = run("restore", folder, home=home)
    assert restored.returncode == 0
    assert str(home) in restored.stdout
    trail = run("verify-audit", home=home)
    assert (trail.returncode, "1 entries" in trail.stdout) == (0, True)
    (folder / "manifest.json").unlink()
    spoilt = run("restore", folder, home=tmp_path / "new")
    assert spoilt.returncode == 2
    assert "damaged-backup" in spoilt.stderr
    assert "Traceback" not in spoilt.stderr + refused.stderr
