"""``/v1/models``: which models there are and which one serves, their cards, and how those that serve are doing."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from features.plain import plain
from models.bundle import Bundle
from models.registry import ModelVersion, Registry
from records.errors import HuixinError
from records.words import Text
from scoring.given import GivenScores
from scoring.monitored import findings
from service.desk.paging import instant
from service.etags import NOT_MODIFIED, tagged
from service.problems import PROBLEMS
from service.routes.score_history import Words
from service.security import Asking, allow

router = APIRouter(prefix="/v1", tags=["models"], responses=PROBLEMS)
Name = Annotated[str, Path(max_length=120, description="模型名称 / model name", examples=["huixin-enterprise"])]
Version = Annotated[str, Path(max_length=40, description="版本 / version", examples=["3"])]


class UnknownModel(HuixinError):
    code: ClassVar[str] = "unknown-model"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此模型", "Unknown model")


class NotMonitored(HuixinError):
    code: ClassVar[str] = "not-monitored"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("尚无监测结果", "Not monitored yet")


class ModelAnswer(BaseModel):
    """A registered model version; ``aliases`` says whether it serves (champion) or wants to (challenger)."""

    name: str
    version: str
    family: str
    aliases: list[str]
    metrics: dict[str, float | None]


class ModelDetail(ModelAnswer):
    """A version with what the gate said of it and when it began to serve."""

    promoted_at: str | None
    rolled_back_at: str | None
    gate: dict[str, Any] | None = Field(description="准入各项检查，未检查则无 / every check of the gate, if asked")


class CardSection(BaseModel):
    """A headed list of statements of a card."""

    title: Words
    lines: list[Words]


class CardFeature(BaseModel):
    """A feature that a model looks at, and its mean absolute share of the log-odds."""

    feature: str
    words: Words
    weight: float


class CardAnswer(BaseModel):
    """A model card (Mitchell et al. 2019): purpose, data, figures, limits, fairness; and the bare facts.

    ``sections`` is empty for models that are registered without a validation report, such as those for early warning.
    """

    name: str
    version: str
    segment: str
    family: str
    title: Words
    sections: list[CardSection]
    features: list[CardFeature]
    trained_as_ofs: list[str]
    validated_as_of: str | None
    out_of_time: bool
    synthetic: bool
    grade_bounds: list[float] = Field(description="AAA 至 CC 各级 PD 上界 / upper PD of each grade, AAA to CC")
    data_fingerprint: str
    code_version: str
    metrics: dict[str, float | None]


class Finding(BaseModel):
    """When a version was looked at, of which day, and the gravest alarm."""

    model_version: str
    as_of: str
    at: str
    level: str


class MonitoringAnswer(BaseModel):
    """What monitoring found last of a model that serves, as ``huixin model monitor`` tells it, and the looks before."""

    name: str
    latest: Finding
    result: dict[str, Any] = Field(
        description="漂移、分布、各期到期结果、预计表现、警示 / drift, distributions, cohorts, expectations, alarms"
    )
    history: list[Finding]


@router.get("/models", summary="模型版本 / model versions")
def models(request: Request, client: Asking) -> list[ModelAnswer]:
    """已登记的模型版本与验证指标。 / Registered versions and their validation figures."""
    allow(client, "list")
    return [ModelAnswer(**_told(one)) for one in _registry(request).versions()]


@router.get(
    "/models/{name}/versions/{version}",
    summary="一个模型版本 / a model version",
    response_model=ModelDetail,
    responses=NOT_MODIFIED,
)
def version(request: Request, name: Name, version: Version, client: Asking) -> Response:
    """指标、准入结论、上线与回退时间。带 ETag。 / Figures, the gate's verdict, when it served. With an ETag."""
    allow(client, "list")
    registry, found = _registry(request), _version(request, name, version)
    tags = registry.tags(name, version)
    detail = {
        "promoted_at": tags.get("promoted_at"),
        "rolled_back_at": tags.get("rolled_back_at"),
        "gate": registry.version_report(name, version, "gate.json"),
    }
    return tagged(request, _told(found) | detail)


@router.get(
    "/models/{name}/versions/{version}/card",
    summary="模型卡 / model card",
    response_model=CardAnswer,
    responses=NOT_MODIFIED,
)
def card(request: Request, name: Name, version: Version, client: Asking) -> Response:
    """用途、数据、指标、局限与公平性，中英文。带 ETag。

    Purpose, data, figures, limits and fairness, in Chinese and English. With an ETag.
    """
    allow(client, "list")
    _version(request, name, version)
    store: GivenScores = request.app.state.given
    bundle = store.bundle(name, version)
    report = _registry(request).version_report(name, version, "validation.json") or {}
    return tagged(request, {"name": name, "version": version, **_facts(bundle, report.get("card"))})


@router.get("/models/{name}/monitoring", summary="模型监测 / how a model is doing")
def monitoring(request: Request, name: Name, client: Asking) -> MonitoringAnswer:
    """最近一次 huixin model monitor 的结果与历次级别。 / What monitoring found last, and the levels before."""
    allow(client, "monitor")
    kept = findings(request.app.state.base.engine, name) if name.isprintable() else []
    if not kept:
        raise NotMonitored(
            Text(
                "此模型没有监测结果；由 huixin model monitor 定期产生",
                "nothing was found of this model yet; huixin model monitor, run at regular times, finds it",
            )
        )
    looks = [
        Finding(
            model_version=one.model_version,
            as_of=one.as_of.isoformat(),
            at=str(instant(one.at)),
            level=one.level,
        )
        for one in kept
    ]
    return MonitoringAnswer(name=name, latest=looks[0], result=kept[0].result, history=looks)


def _registry(request: Request) -> Registry:
    found: Registry = request.app.state.rater.registry
    return found


def _version(request: Request, name: str, version: str) -> ModelVersion:
    """Raises ``UnknownModel``."""
    for one in _registry(request).versions():
        if (one.name, one.version) == (name, version):
            return one
    raise UnknownModel(
        Text("没有此名称与版本的模型；见 GET /v1/models", "no model of this name and version; see GET /v1/models")
    )


def _told(found: ModelVersion) -> dict[str, Any]:
    return {
        "name": found.name,
        "version": found.version,
        "family": found.family,
        "aliases": list(found.aliases),
        "metrics": plain(found.metrics),
    }


def _facts(bundle: Bundle, told: dict[str, Any] | None) -> dict[str, Any]:
    title = Text(f"模型卡：{bundle.segment} {bundle.family}", f"Model card: {bundle.segment} {bundle.family}")
    weighed = sorted(bundle.codes, key=lambda code: -bundle.weights.get(code, 0.0))
    found: dict[str, Any] = plain(
        {
            "segment": bundle.segment,
            "family": bundle.family,
            "title": title,
            "sections": [],
            "features": [
                {
                    "feature": code,
                    "words": bundle.words.get(code, Text(code, code)),
                    "weight": bundle.weights.get(code, 0.0),
                }
                for code in weighed
            ],
            "trained_as_ofs": [day.isoformat() for day in bundle.trained_as_ofs],
            "validated_as_of": bundle.validated_as_of.isoformat() if bundle.validated_as_of else None,
            "out_of_time": bundle.out_of_time,
            "synthetic": bundle.synthetic,
            "grade_bounds": bundle.scale.upper,
            "data_fingerprint": bundle.data_fingerprint,
            "code_version": bundle.code_version,
            "metrics": bundle.metrics,
        }
    )
    return found | {name: told[name] for name in ("title", "sections") if told}
