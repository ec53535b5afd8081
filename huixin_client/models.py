"""What requests and answers hold; made by ``python -m huixin.client_code``, not by hand."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class AlarmReasonAnswer(TypedDict):
    """One feature's exact share of the model's alarm: it multiplies the odds of distress by ``times``."""

    feature: str
    words: dict[str, str]
    value: float | None
    value_words: dict[str, str]
    times: float
    evidence: list[RecordAnswer]


class AlertAnswer(TypedDict):
    """An alert. ``raised``: to be acted on (new or continuing); ``since``: when it was raised; ``fresh``: its latest evidence; ``ended``: when it was found to hold no longer. The model's alarm has ``base_odds`` and ``reasons``: all multiplied give the odds of distress that it speaks of."""

    code: str
    severity: Literal["blue", "yellow", "orange", "red"]
    state: Literal["new", "continuing", "cool_down", "expired", "ended"]
    raised: bool
    since: str
    fresh: str
    ended: str | None
    words: dict[str, str]
    detail: dict[str, str]
    evidence: list[RecordAnswer]
    base_odds: float | None
    reasons: list[AlarmReasonAnswer]


class AnswerRequest(TypedDict):
    """The source's answer: upheld, with its remedy, or rejected; in either case with the reason."""

    outcome: Literal["upheld", "rejected"]
    reason: str
    remedy: NotRequired[Literal["correction", "withdrawal"] | None]
    corrected_by: NotRequired[str | None]
    document: NotRequired[str | None]


class ApplicationAnswer(TypedDict):
    """An application with its rating and what became of it."""

    application_id: str
    application_no: str
    subject_id: str
    product: str
    amount: str
    term_months: int
    purpose: str
    authorisation: str
    applied_at: str
    score_id: str
    watch_list_id: str | None
    decision: str | None
    decided_on: str | None
    granted: str | None
    rate_percent: str | None
    rating: RatingAnswer
    outcomes: list[OutcomeAnswer]


class ApplicationBrief(TypedDict):
    """An application as it stands; amounts in yuan."""

    application_id: str
    application_no: str
    subject_id: str
    product: str
    amount: str
    term_months: int
    purpose: str
    authorisation: str
    applied_at: str
    score_id: str
    watch_list_id: str | None
    decision: str | None
    decided_on: str | None
    granted: str | None
    rate_percent: str | None


class ApplicationPage(TypedDict):
    """Applications, the newest first; ``next``: cursor of the following page, if there is one."""

    applications: list[ApplicationBrief]
    next: str | None


class ApplicationRequest(TypedDict):
    """An application as the platform has it."""

    application_no: str
    credit_code: str
    product: str
    amount: str
    term_months: int
    purpose: Literal["working_capital", "fixed_assets", "farming", "trade", "other"]
    authorisation: ConsentAsked


class ApprovalAnswer(TypedDict):
    """A step as it stands; ``state``: open, approved, rejected or expired."""

    approval_id: str
    kind: str
    payload: dict[str, Any]
    reason: str
    proposed_by: str
    proposed_at: str
    expires_at: str
    state: str
    decided_by: str | None
    decided_at: str | None
    decision: str | None


class ApprovalDecision(TypedDict):
    reason: str


class ApprovalPage(TypedDict):
    approvals: list[ApprovalAnswer]
    next: str | None


class AssessmentAnswer(TypedDict):
    """``ranking``: sources in the month; ``trend``: by source and month; ``items``: the fewest points first."""

    month: str
    months: list[str]
    as_of: str
    source: str | None
    scheme: dict[str, Any]
    ranking: list[dict[str, Any]]
    trend: list[dict[str, Any]]
    items: list[dict[str, Any]]
    alerts: list[dict[str, Any]]
    contradictions: list[dict[str, Any]]
    unreported: dict[str, list[str]]


class BatchPage(TypedDict):
    """Batches in the order in which they were accepted; ``next``: cursor of the following page, if there is one."""

    batches: list[ReceiptAnswer]
    next: str | None


class CardAnswer(TypedDict):
    """A model card (Mitchell et al. 2019): purpose, data, figures, limits, fairness; and the bare facts."""

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
    grade_bounds: list[float]
    data_fingerprint: str
    code_version: str
    metrics: dict[str, float | None]


class CardFeature(TypedDict):
    """A feature that a model looks at, and its mean absolute share of the log-odds."""

    feature: str
    words: Words
    weight: float


class CardSection(TypedDict):
    """A headed list of statements of a card."""

    title: Words
    lines: list[Words]


class CaseAnswer(TypedDict):
    """A repair or an erasure as it stands: asked, proposed, done or refused."""

    case_id: str
    kind: str
    item: str
    record_ids: list[str]
    subject_id: str
    source: str
    reason: str
    legal_basis: str
    document: str | None
    state: str
    asked_by: str
    asked_at: str
    proposed_by: str | None
    proposed_at: str | None
    decided_by: str | None
    decided_at: str | None
    decision: str | None


class CasePage(TypedDict):
    """Cases, the newest first; ``next``: cursor of the following page, if there is one."""

    cases: list[CaseAnswer]
    next: str | None


class ChangeAnswer(TypedDict):
    """One thing that could be better: from what to what, how many peers are there, and the points it brings."""

    feature: str
    words: Words
    value: float
    value_words: Words
    to: float
    to_words: Words
    peers: float
    window_months: int | None
    points: float


class ConsentAnswer(TypedDict):
    """An authorisation as it stands."""

    consent_id: str
    reference: str
    subject_id: str
    client_id: str | None
    purposes: list[str]
    valid_from: str
    valid_until: str
    withdrawn_at: str | None
    document: str


class ConsentAsked(TypedDict):
    """The enterprise's written authorisation, given to the platform."""

    reference: str
    document: str
    valid_until: str


class ConsentPage(TypedDict):
    consents: list[ConsentAnswer]
    next: str | None


class ConsentRequest(TypedDict):
    """What a subject agrees to."""

    reference: str
    subject: str
    purposes: list[Literal["loan_application", "loan_monitoring", "review", "demonstration"]]
    valid_until: str
    valid_from: NotRequired[str | None]
    document: str
    client_id: NotRequired[str | None]


class CounterfactualsAnswer(TypedDict):
    """What would raise a score; every figure is the model's own answer to the changed features."""

    score_id: str
    pd: float
    score: float
    grade: str
    target_grade: str | None
    paths: list[PathAnswer]
    alone: list[PathAnswer]
    peers: int
    notes: list[Words]


class Decision(TypedDict):
    """Why it is approved or refused."""

    reason: str


class DecisionRequest(TypedDict):
    """What the lender decided."""

    decision: Literal["approved", "reduced", "refused", "withdrawn"]
    decided_on: str
    granted: NotRequired[str | None]
    rate_percent: NotRequired[str | None]
    security: NotRequired[Literal["credit", "guarantee", "mortgage", "joint"] | None]


class DeliveryAnswer(TypedDict):
    """An event on its way. ``last``: the latest attempt (at, status, problem, seconds); ``next_at``: the next one."""

    delivery_id: str
    event_id: str
    event_type: Literal["warning.raised", "warning.ended", "ping"]
    subject_id: str | None
    state: Literal["waiting", "delivered", "dead"]
    attempts: int
    created_at: str
    next_at: str | None
    settled_at: str | None
    last: dict[str, Any] | None


class DeliveryPage(TypedDict):
    """Deliveries, the latest first; ``next``: cursor of the following page, if there is one."""

    deliveries: list[DeliveryAnswer]
    next: str | None


class EntriesAsked(TypedDict):
    """Subjects to put on a list: all of them, or none."""

    subjects: list[InterestAsked]


class EntryAnswer(TypedDict):
    """A watched subject; its identity number is masked."""

    subject_id: str
    segment: str
    masked: str
    authorisation: str | None
    added_at: str


class EntryPage(TypedDict):
    """``next``: cursor of the following page, if there is one."""

    entries: list[EntryAnswer]
    next: str | None


class ErasureRequest(TypedDict):
    """Which records a court orders to erase; ``document`` is its order."""

    subject: str
    item: str
    record_ids: list[str]
    reason: str
    legal_basis: str
    document: str


class EvidenceAnswer(TypedDict):
    """A record behind a reason."""

    item: str
    record_id: str
    occurred_on: str


class ExplanationAnswer(TypedDict):
    """Why a score is what it is: ``base_points`` + points of all sources + ``clip_points`` == ``score``."""

    score_id: str
    subject_id: str
    masked: str
    as_of: str
    scored_at: str
    model_name: str
    model_version: str
    score: float
    pd: float
    grade: str
    grade_words: Words
    base_points: float
    clip_points: float
    sources: list[SourceAnswer]
    confidence: str
    confidence_why: list[Words]
    signals: list[dict[str, Any]]


class Finding(TypedDict):
    """When a version was looked at, of which day, and the gravest alarm."""

    model_version: str
    as_of: str
    at: str
    level: str


class GivenScore(TypedDict):
    """A stored score in brief; the whole is at ``/v1/scores/{score_id}``."""

    score_id: str
    subject_id: str
    as_of: str
    scored_at: str
    segment: str
    model_name: str
    model_version: str
    pd: float
    score: float
    grade: str


class GivenScorePage(TypedDict):
    """Scores of a subject, the newest first; ``next``: cursor of the following page, if there is one."""

    scores: list[GivenScore]
    next: str | None


class GradeHistory(TypedDict):
    """How a subject was graded, the latest first, and the models behind it."""

    subject_id: str
    periods: list[GradePeriod]
    models: list[ModelBehind]


class GradePeriod(TypedDict):
    """Ratings in a row with one grade by one model version: of which as-ofs, how many, and the last of them."""

    grade: str
    words: Words
    model_name: str
    model_version: str
    since: str
    until: str
    ratings: int
    score: float
    pd: float
    score_id: str


class HookAnswer(TypedDict):
    """A webhook. ``failures`` in a row; it rests until ``rests_until`` then; ``waiting``, ``dead``: deliveries."""

    webhook_id: str
    url: str
    event_types: list[Literal["warning.raised", "warning.ended", "ping"]]
    created_at: str
    failures: int
    rests_until: str | None
    waiting: int
    dead: int


class HookAsked(TypedDict):
    """Where to send which events."""

    url: str
    event_types: NotRequired[list[Literal["warning.raised", "warning.ended", "ping"]]]


class InterestAsked(TypedDict):
    """A subject to watch."""

    subject: str
    authorisation: NotRequired[str | None]


class JobAnswer(TypedDict):
    """How a job is."""

    job_id: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "expired"]
    total: int | None
    done: int
    refused: int
    format: str
    as_of: str
    created_at: str
    finished_at: str | None
    expires_at: str | None
    bytes: int | None
    sha256: str | None
    problem: dict[str, Any] | None


class JobRequest(TypedDict):
    """Whom to score as a job: ``subjects``, or every subject of ``segment``."""

    subjects: NotRequired[list[SubjectAsked] | None]
    segment: NotRequired[Literal["enterprise"] | None]
    purpose: Literal["loan_application", "loan_monitoring", "review", "demonstration"]
    as_of: NotRequired[str | None]
    format: NotRequired[Literal["ndjson", "parquet"]]
    reasons: NotRequired[Literal["top", "all"]]


class ListAnswer(TypedDict):
    """A watch list; ``entries``: how many subjects are on it."""

    watch_list_id: str
    name: str
    threshold: Literal["blue", "yellow", "orange", "red"]
    created_at: str
    entries: int


class ListAsked(TypedDict):
    """A new watch list; more subjects can be put on it later."""

    name: str
    threshold: NotRequired[Literal["blue", "yellow", "orange", "red"]]
    subjects: NotRequired[list[InterestAsked]]


class ListPage(TypedDict):
    """``next``: cursor of the following page, if there is one."""

    watch_lists: list[ListAnswer]
    next: str | None


class Look(TypedDict):
    """One entry of the audit trail about the subject: who did what, when and what for."""

    seq: int
    at: str
    who: str
    role: str | None
    action: str
    purpose: str | None


class LookPage(TypedDict):
    looks: list[Look]
    next: int | None


class ManyAnswer(TypedDict):
    """A rating or a problem for each subject, in the order that was asked."""

    as_of: str
    scored: int
    refused: int
    results: list[dict[str, Any]]


class ManyRequest(TypedDict):
    """Whom to score at once."""

    subjects: list[SubjectAsked]
    purpose: Literal["loan_application", "loan_monitoring", "review", "demonstration"]
    as_of: NotRequired[str | None]
    reasons: NotRequired[Literal["top", "all"]]


class ModelAnswer(TypedDict):
    """A registered model version; ``aliases`` says whether it serves (champion) or wants to (challenger)."""

    name: str
    version: str
    family: str
    aliases: list[str]
    metrics: dict[str, float | None]


class ModelBehind(TypedDict):
    """A model version behind a grade: what it learnt from, and how well it did on later outcomes."""

    model_name: str
    model_version: str
    family: NotRequired[str | None]
    trained_as_ofs: NotRequired[list[str]]
    validated_as_of: NotRequired[str | None]
    auc: NotRequired[float | None]


class ModelDetail(TypedDict):
    """A version with what the gate said of it and when it began to serve."""

    name: str
    version: str
    family: str
    aliases: list[str]
    metrics: dict[str, float | None]
    promoted_at: str | None
    rolled_back_at: str | None
    gate: dict[str, Any] | None


class MonitoringAnswer(TypedDict):
    """What monitoring found last of a model that serves, as ``huixin model monitor`` tells it, and the looks before."""

    name: str
    latest: Finding
    result: dict[str, Any]
    history: list[Finding]


class NewHook(TypedDict):
    """A webhook with its ``secret``, which is not shown again."""

    webhook_id: str
    url: str
    event_types: list[Literal["warning.raised", "warning.ended", "ping"]]
    created_at: str
    failures: int
    rests_until: str | None
    waiting: int
    dead: int
    secret: str


class ObjectionAnswer(TypedDict):
    """An objection as it stands. ``due_on``: the last day for an answer, 20 days after it was lodged (Art. 25)."""

    objection_id: str
    subject_id: str
    item: str
    record_id: str
    source: str
    reason: str
    document: str | None
    lodged_at: str
    due_on: str
    state: str
    overdue: bool
    answered_at: str | None
    answered_late: bool
    answer: str | None
    remedy: str | None
    corrected_by: str | None


class ObjectionPage(TypedDict):
    """Objections, the newest first; ``next``: cursor of the following page, if there is one."""

    objections: list[ObjectionAnswer]
    next: str | None


class ObjectionRequest(TypedDict):
    """Whose record is objected to, which one, and why."""

    subject: str
    item: str
    record_id: str
    reason: str
    document: NotRequired[str | None]
    authorisation: NotRequired[str | None]


class OrderedReport(TypedDict):
    """A report that is ready to be fetched."""

    report_id: str
    subject_id: str
    as_of: str
    made_at: str
    score_id: str | None
    links: dict[str, str]


class OutcomeAnswer(TypedDict):
    """An outcome that is in the joint base; ``batch_id``: of its receipt."""

    day: str
    status: str
    balance: str
    days_past_due: int
    batch_id: str


class OutcomeRequest(TypedDict):
    """How the loan stands at the end of a day, such as a month end."""

    day: str
    status: Literal["repaying", "repaid", "overdue", "defaulted"]
    balance: str
    days_past_due: NotRequired[int]


class PathAnswer(TypedDict):
    """Changes made together, everything else as it is, and what the model then says."""

    changes: list[ChangeAnswer]
    pd: float
    score: float
    grade: str
    gain: float
    reaches_target: bool
    words: Words


class PingAnswer(TypedDict):
    """The id of the event that is on its way."""

    event_id: str


class Problem(TypedDict):
    """RFC 9457 problem details; ``zh`` and ``en`` carry title and detail in each language."""

    type: str
    title: str
    status: int
    detail: str
    zh: dict[str, str]
    en: dict[str, str]
    request_id: str
    errors: NotRequired[list[dict[str, Any]] | None]


class PromotionRequest(TypedDict):
    """Which registered version of which model is to serve, and why."""

    segment: Literal["enterprise", "farmer"]
    version: str
    warning: NotRequired[bool]
    reason: str


class RatingAnswer(TypedDict):
    """The rating that the application was given; all reasons are at ``/v1/scores/{score_id}/explanation``."""

    score_id: str
    grade: str
    pd: float
    score: float
    confidence: str
    weaknesses: list[Weakness]
    warnings: list[Warned]


class ReasonAnswer(TypedDict):
    """A feature's exact share of the score."""

    feature: str
    words: Words
    value: float | None
    value_words: Words
    points: float
    evidence: list[EvidenceAnswer]


class ReceiptAnswer(TypedDict):
    """A receipt and, as ``jws``, the same signed (EdDSA; key at /v1/receipts/key)."""

    receipt: SaidReceipt
    jws: str
    channel: str
    links: dict[str, str]


class RecordAnswer(TypedDict):
    """A record behind a warning."""

    item: str
    record_id: str
    occurred_on: str


class RepairRequest(TypedDict):
    """Which adverse records are to be repaired, and why they may be."""

    subject: str
    item: str
    record_ids: list[str]
    reason: str
    document: NotRequired[str | None]
    authorisation: NotRequired[str | None]


class ReplayAnswer(TypedDict):
    """A stored score given again."""

    score_id: str
    equal: bool
    score: float
    stored_score: float
    model_version: str
    detail: dict[str, str]
    unreadable: list[str]


class ReportRequest(TypedDict):
    """Whose report, what for, with whose authorisation, as of when, in which language and form."""

    subject: str
    purpose: Literal["loan_application", "loan_monitoring", "review", "demonstration"]
    authorisation: NotRequired[str | None]
    as_of: NotRequired[str | None]
    language: NotRequired[Literal["zh", "en"] | None]
    format: NotRequired[Literal["json", "html", "pdf"]]


class SaidReceipt(TypedDict):
    """What a receipt says; ``rejects`` names the reject file where rows were refused."""

    iss: str
    batch_id: str
    batch_key: str | None
    item: str
    source: str
    version: int
    sha256: str
    received_at: str
    accepted_at: str
    rows_read: int
    rows_accepted: int
    rows_rejected: int
    rejects: str | None


class SecretAnswer(TypedDict):
    """A webhook's new secret, which is not shown again."""

    secret: str


class SourceAnswer(TypedDict):
    """The reasons from one source's records, and their points together."""

    source: str
    words: Words
    points: float
    reasons: list[ReasonAnswer]


class SubjectAsked(TypedDict):
    """A subject, and where it is a natural person the reference of its authorisation."""

    subject: str
    authorisation: NotRequired[str | None]


class SubjectWarnings(TypedDict):
    """A subject's alerts at its latest evaluation, the gravest first."""

    subject_id: str
    segment: str
    masked: str
    as_of: str
    severity: Literal["blue", "yellow", "orange", "red"]
    alerts: list[AlertAnswer]
    distress: dict[str, float]


class TokenAnswer(TypedDict):
    """A token: give it as ``Authorization: Bearer ...``."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class TokenProblem(TypedDict):
    """RFC 6749, 5.2; ``zh`` says the same in Chinese."""

    error: str
    error_description: str
    zh: str


class UploadAnswer(TypedDict):
    """An upload as it stands. ``offset``: bytes that are here for good; the next chunk begins there."""

    upload_id: str
    state: Literal["receiving", "queued", "accepted", "refused", "given up", "expired"]
    offset: int
    size: int
    chunk_bytes_most: int
    item: str
    version: int
    batch_key: str | None
    created_at: str
    updated_at: str
    expires_at: str | None
    batch_id: str | None
    problem: dict[str, Any] | None
    links: dict[str, str]


class UploadRequest(TypedDict):
    """What is about to be sent. Names and paths of the sender's files are not asked."""

    item: str
    batch_key: str
    ending: Literal["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "xlsx"]
    size: int
    sha256: str
    version: NotRequired[int | None]
    history: NotRequired[bool]


class Warned(TypedDict):
    """A warning at the moment of the rating; later ones come by webhook."""

    code: str
    severity: str
    since: str | None
    words: Words


class WarningHistory(TypedDict):
    """A subject's warnings at month ends and at the as-of, the latest first."""

    subject_id: str
    segment: str
    masked: str
    as_of: str
    history: list[WarningMoment]


class WarningMoment(TypedDict):
    """What was to be said of a subject at a moment."""

    as_of: str
    alerts: list[AlertAnswer]
    distress: dict[str, float]


class WarningPage(TypedDict):
    """``next``: cursor of the following page, if there is one."""

    warnings: list[SubjectWarnings]
    next: str | None


class Weakness(TypedDict):
    """A reason that holds the rating down, and so the amount that is prudent."""

    feature: str
    words: Words
    value_words: Words
    points: float


class Words(TypedDict):
    """The same in Chinese and in English."""

    zh: str
    en: str


class ZeroReport(TypedDict):
    """There was nothing of ``item`` in ``month``."""

    item: str
    month: str
