"""What the bodies and lists of cases share: objections, repairs, erasures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from service.problems import MEDIA_TYPE, PROBLEMS, Problem

CASE_PROBLEMS: dict[int | str, dict[str, Any]] = PROBLEMS | {
    409: {"model": Problem, "description": "状态不允许 / not possible now", "content": {MEDIA_TYPE: {}}}
}
PAGE = 50
ONE_LINE, PROSE = r"^[^\x00-\x1f]*$", r"^[^\x00]*[^\s\x00][^\x00]*$"

Subject = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=ONE_LINE,
        description="主体编号，或统一社会信用代码、公民身份号码 / subject id or identity number",
    ),
]
ItemCode = Annotated[str, Field(min_length=1, max_length=80, pattern=ONE_LINE, description="目录项 / item")]
RecordId = Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE, description="记录编号 / record id")]
Reason = Annotated[str, Field(min_length=1, max_length=2_000, pattern=PROSE, description="事由 / reason")]
Document = Annotated[
    str | None, Field(max_length=200, pattern=ONE_LINE, description="文书编号 / reference of a document")
]
Authorisation = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=100,
        pattern=ONE_LINE,
        description="主体委托书编号，代其提出时必填 / the subject's authorisation, for those who act in its name",
    ),
]
CaseId = Annotated[str, Path(max_length=40, pattern=r"^[a-z]-[0-9a-f]{24}$", description="编号 / id of the case")]
Cursor = Annotated[
    str | None, Query(max_length=200, description="上一页的 next / the last page's next", examples=[None])
]
Limit = Annotated[int, Query(ge=1, le=PAGE, description="每页条数 / cases a page")]
