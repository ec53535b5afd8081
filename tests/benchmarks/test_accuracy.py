"""The accuracy benchmark on tables of its own: any CSV runs, bad ones are refused, ranks are what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from benchmarks.accuracy import run
from benchmarks.accuracy.datasets import BadTable, from_csv
from benchmarks.accuracy.running import Outcome, mean_ranks
from huixin.cli import app


def written(path: Path, rows: int = 240) -> Path:
    """A table with numbers, texts, days, gaps, a row number and a name of each row."""
    rng = np.random.default_rng(1)
    income, trade = rng.normal(size=rows), rng.choice(["养殖", "种植", "运输"], rows)
    bad = rng.random(rows) < 1 / (1 + np.exp(1.0 + income - (trade == "运输")))
    lines = ["编号,姓名,收入,行业,登记日,额度,违约"]
    for row in range(rows):
        shown = "" if row % 11 == 0 else f"{income[row]:.3f}"
        day, amount = f"2024-{row % 12 + 1:02d}-03", f'"¥{1000 + row % 37:,}"'
        lines.append(f"{row + 1},户{row},{shown},{trade[row]},{day},{amount},{'是' if bad[row] else '否'}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_columns_are_understood_and_those_that_name_rows_left_out(tmp_path: Path) -> None:
    found = from_csv(written(tmp_path / "a.csv"), "违约", "是")
    assert list(found.X.columns) == ["收入", "行业", "登记日", "额度"]
    assert {name: str(kind) for name, kind in found.X.dtypes.items()} == {
        "收入": "float64",
        "行业": "object",
        "登记日": "float64",
        "额度": "float64",
    }
    assert found.X["额度"].min() == 1000
    assert set(found.left_out) == {"编号", "姓名"}


def test_a_table_in_gb18030_or_with_a_byte_order_mark_reads_alike(tmp_path: Path) -> None:
    plain = from_csv(written(tmp_path / "a.csv"), "违约", "是")
    text = (tmp_path / "a.csv").read_text(encoding="utf-8")
    for encoding in ("gb18030", "utf-8-sig"):
        (tmp_path / "b.csv").write_text(text, encoding=encoding)
        found = from_csv(tmp_path / "b.csv", "违约", "是")
        assert found.X.equals(plain.X)
        assert (found.y == plain.y).all()


@pytest.mark.parametrize(
    ("target", "positive", "says"),
    [("没有", "是", "no column"), ("违约", "也许", "its values: 否, 是"), ("行业", "种殖", "0 rows where")],
)
def test_a_target_that_is_none_is_refused(tmp_path: Path, target: str, positive: str, says: str) -> None:
    with pytest.raises(BadTable) as refused:
        from_csv(written(tmp_path / "a.csv"), target, positive)
    assert says in refused.value.text.en


def test_files_that_are_no_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    for path in (tmp_path / "absent.csv", tmp_path / "empty.csv"):
        with pytest.raises(BadTable):
            from_csv(path, "y", "1")


def test_any_table_is_measured_with_no_code_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.accuracy.running.REPEATS", 1)
    table, figures = str(written(tmp_path / "farms.csv")), tmp_path / "f.json"
    words = ["bench", "accuracy", "--csv", table, "--target", "违约", "--positive", "是", "--json", str(figures)]
    told = CliRunner().invoke(app, [*words, "--models", "huixin,huixin_scorecard,logistic_regression,xgboost"])
    assert told.exit_code == 0, told.output
    found = orjson.loads(figures.read_bytes())
    by_model = found["datasets"]["farms"]
    assert set(by_model) == {"huixin", "huixin_scorecard", "logistic_regression", "xgboost"}
    for one in by_model.values():
        assert set(one) == {"auc", "ks", "brier", "ece", "seconds"}
        assert 0.5 < one["auc"] < 1
    assert found["failed"] == {}
    assert set(found["mean_rank"]) == {"auc", "brier"}


def test_ranks_are_means_over_data_sets_and_who_fails_is_last() -> None:
    def outcome(auc: float | None) -> Outcome:
        return Outcome({"auc": auc, "brier": None if auc is None else 1 - auc})

    found = {
        "a": {"x": outcome(0.8), "y": outcome(0.7), "z": outcome(None)},
        "b": {"x": outcome(0.6), "y": outcome(0.6), "z": outcome(0.5)},
    }
    ranks = mean_ranks(found, ("x", "y", "z"))
    assert ranks["auc"] == {"x": 1.25, "y": 1.75, "z": 3.0}
    assert ranks["brier"] == ranks["auc"]


def test_an_unknown_model_is_named_with_those_there_are(tmp_path: Path) -> None:
    from records.errors import HuixinError

    with pytest.raises(HuixinError) as refused:
        run(csv=written(tmp_path / "a.csv"), target="违约", positive="是", models="oracle")
    assert "huixin_scorecard" in refused.value.text.en


def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    table, folds = written(tmp_path / "farms.csv"), tmp_path / "f.folds.jsonl"
    asked = {"csv": table, "target": "违约", "positive": "是", "models": "logistic_regression", "folds": folds}
    whole = run(**asked)  # type: ignore[arg-type]
    lines = folds.read_bytes().splitlines(keepends=True)
    assert len(lines) == 10
    marked = orjson.loads(lines[0])
    marked["figures"]["auc"] += 0.5
    folds.write_bytes(orjson.dumps(marked) + b"\n" + b"".join(lines[1:6]) + lines[6][:20])
    again = run(**asked, resume=True)  # type: ignore[arg-type]
    figures = [found["datasets"]["farms"]["logistic_regression"] for found in (whole, again)]
    assert figures[1]["auc"] == pytest.approx(figures[0]["auc"] + 0.05)
    assert figures[1]["brier"] == pytest.approx(figures[0]["brier"])
    table.write_text(table.read_text(encoding="utf-8").replace("运输", "渔业"), encoding="utf-8")
    assert run(**asked, resume=True)["datasets"]["farms"]["logistic_regression"]["auc"] == pytest.approx(  # type: ignore[arg-type]
        figures[0]["auc"]
    )
