"""Who was validated: groups as the base knew them at the as-of, attributes from features that no model may see."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from features.spine import spine
from huixin.cli import app
from models.validation.population import groupings, protected
from models.validation.registered import NothingNewToJudge, report_on
from records.base import RecordBase
from records.errors import ModelNotTrained
from tests.features.reporting import report


def asked(base: RecordBase, day: date) -> dict[str, Any]:
    rows = spine(base.connection(), "enterprise", [day])
    subject, as_of = np.array(rows["subject_id"].to_pylist()), rows["as_of"].to_numpy()
    X = np.column_stack([np.geomspace(1_000, 1_000_000, len(subject)), np.full(len(subject), np.nan)])
    found = groupings(base.connection(), "enterprise", subject, as_of, X, ("revenue_month_12m", "firm_age_years"))
    return {one.code: one for one in found}


def test_groups_are_what_the_base_knew_then(base: RecordBase, tmp_path: Path) -> None:
    report(base, tmp_path / "door")
    found = asked(base, date(2025, 6, 30))
    assert found["sector"].listed == ("C", "F")
    assert found["sector"].named("C").en == "Manufacturing"
    assert "district" not in found  # all in one: nothing to compare
    assert len(found["size"].listed) == 4
    assert "age" not in found  # not known of anybody
    assert found["as_of"].listed == ("2025-06-30",)
    assert protected(base.connection(), "enterprise", np.array(["x"]), np.array(["2025-06-30"], "datetime64[us]")) == ()


def test_a_registered_model_is_validated_by_its_fairness_too(trained_base: RecordBase, tmp_path: Path) -> None:
    found, version = report_on(trained_base, "farmer")
    assert found.model.fingerprint
    assert found.model.out_of_time
    assert {one.code for one in found.fairness} == {"head_birth_year", "head_sex_female", "village_group"}
    village = next(one for one in found.fairness if one.code == "village_group")
    assert village.groups_in_all > 12
    assert {one.code for one in found.slices} >= {"as_of", "sector", "size"}
    assert {one.code for one in found.rivals} == {"logistic"}
    assert found.stability is not None
    assert found.stability.migration is not None
    with pytest.raises(ModelNotTrained, match="accepted"):
        report_on(trained_base, "farmer", "99")
    assert version in [str(number) for number in range(1, 10)]


def test_the_command_writes_page_data_and_card(trained_base: RecordBase, tmp_path: Path) -> None:
    environment = {"HUIXIN_HOME": str(trained_base.settings.home), "HUIXIN_LANGUAGE": "en"}
    files = {name: tmp_path / name for name in ("page.html", "data.json", "card.md")}
    words = ["model", "report", "enterprise", "--to", str(files["page.html"]), "--json", str(files["data.json"])]
    found = CliRunner().invoke(app, [*words, "--card", str(files["card.md"])], env=environment)
    assert found.exit_code == 0, found.output
    assert "discrimination: AUC" in found.output
    assert all(file.stat().st_size > 1_000 for file in files.values())


def test_what_was_learnt_from_is_not_judged_on(trained_base: RecordBase, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    import models.validation.registered as registered_module

    known = registered_module.registered_bundle

    def later(*asked: Any) -> Any:
        return replace(known(*asked), trained_as_ofs=(date(2030, 12, 31),))

    monkeypatch.setattr(registered_module, "registered_bundle", later)
    with pytest.raises(NothingNewToJudge, match="lies in its run"):
        report_on(trained_base, "farmer")
