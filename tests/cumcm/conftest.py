"""A made-up data set in the format of CUMCM 2020 problem C."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

ENTERPRISES = "企业代号,企业名称,信誉评级,是否违约"
PURCHASES = "企业代号,发票号码,开票日期,销方单位代号,金额,税额,价税合计,发票状态"
SALES = "企业代号,发票号码,开票日期,购方单位代号,金额,税额,价税合计,发票状态"


def invoices(code: str, sound: bool, direction: str, rng: random.Random) -> list[str]:
    """Two years of one enterprise's lines: sound ones sell each month, the others now and then."""
    lines = []
    for month in range(24):
        if not sound and rng.random() < 0.6:
            continue
        for _ in range(rng.randint(1, 3)):
            amount = round(rng.lognormvariate(9.5 if sound else 7.5, 0.7), 2)
            amount = -amount if rng.random() < 0.05 else amount
            tax = round(amount * 0.13, 2)
            day = f"{2018 + month // 12}/{month % 12 + 1}/{rng.randint(1, 28)}"
            status = " 作废发票" if rng.random() < 0.1 else "有效发票"
            number, partner = rng.randint(10**6, 10**7), f"{direction}{rng.randint(1, 9 if sound else 3):05}"
            lines.append(f"{code},{number},{day},{partner},{amount},{tax},{round(amount + tax, 2)},{status}")
    return lines


@pytest.fixture(scope="session")
def made_up() -> Callable[[Path], Path]:
    """Writes the data set: 9 sound and 6 defaulted enterprises with a record (one part in GB18030), 3 without."""

    def write(folder: Path) -> Path:
        rng = random.Random(7)
        credit, nocredit = folder / "credit", folder / "nocredit"
        credit.mkdir(parents=True)
        nocredit.mkdir()
        firms = [(f"E{number}", number <= 9) for number in range(1, 16)]
        listed = [
            f"{code},***甲{code}公司,{rng.choice('ABC') if sound else 'D'},{'否' if sound else '是'}"
            for code, sound in firms
        ]
        (credit / "enterprises.csv").write_text("\n".join([ENTERPRISES, *listed]), encoding="utf-8")
        sales = [line for code, sound in firms for line in invoices(code, sound, "B", rng)]
        purchases = [line for code, sound in firms for line in invoices(code, sound, "A", rng)]
        (credit / "sales.csv").write_text("\n".join([SALES, *sales, sales[0]]), encoding="gb18030")
        (credit / "purchases.csv.gz").write_bytes(gzip.compress("\n".join([PURCHASES, *purchases]).encode()))
        others = ["E16", "E17", "E18"]
        (nocredit / "enterprises.csv").write_text(
            "\n".join(["企业代号,企业名称", *(f"{code},个体经营{code}" for code in others)]), encoding="utf-8"
        )
        for name, head, direction in (("sales", SALES, "D"), ("purchases", PURCHASES, "C")):
            lines = [line for code in others for line in invoices(code, True, direction, rng)]
            (nocredit / f"{name}.csv").write_text("\n".join([head, *lines]), encoding="utf-8-sig")
        return folder

    return write


@pytest.fixture
def data_set(made_up: Callable[[Path], Path], tmp_path: Path) -> Path:
    return made_up(tmp_path / "cumcm")
