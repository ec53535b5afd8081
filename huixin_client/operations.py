"""Every operation of the service, by resource; made by ``python -m huixin.client_code``, not by hand."""

from __future__ import annotations

from typing import Any, Literal

from huixin_client import models as _m
from huixin_client.caller import Caller, new_key


class Scores:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def given(
        self,
        *,
        subject: str,
        from_: str | None = None,
        to: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
        authorisation: str | None = None,
    ) -> _m.GivenScorePage:
        """一个主体的历次评分 / scores that a subject was given"""
        found: _m.GivenScorePage = self._caller.call(
            "GET",
            "/v1/scores",
            query={
                "subject": subject,
                "from": from_,
                "to": to,
                "cursor": cursor,
                "limit": limit,
                "authorisation": authorisation,
            },
        )
        return found

    def score(self, body: dict[str, Any], *, idempotency_key: str | None = None) -> dict[str, Any]:
        """评级一个主体 / rate a subject"""
        found: dict[str, Any] = self._caller.call(
            "POST", "/v1/scores", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def stored(self, score_id: str, *, authorisation: str | None = None) -> dict[str, Any]:
        """查看已给出的评分 / a score given before"""
        found: dict[str, Any] = self._caller.call(
            "GET", "/v1/scores/{score_id}", path={"score_id": score_id}, query={"authorisation": authorisation}
        )
        return found

    def replay(self, score_id: str) -> _m.ReplayAnswer:
        """重放评分 / give a stored score again"""
        found: _m.ReplayAnswer = self._caller.call("POST", "/v1/scores/{score_id}/replay", path={"score_id": score_id})
        return found

    def grades(self, subject_id: str, *, authorisation: str | None = None) -> _m.GradeHistory:
        """等级沿革 / grade history"""
        found: _m.GradeHistory = self._caller.call(
            "GET",
            "/v1/subjects/{subject_id}/grades",
            path={"subject_id": subject_id},
            query={"authorisation": authorisation},
        )
        return found

    def explanation(self, score_id: str, *, authorisation: str | None = None) -> _m.ExplanationAnswer:
        """评分的全部理由 / all reasons of a score"""
        found: _m.ExplanationAnswer = self._caller.call(
            "GET",
            "/v1/scores/{score_id}/explanation",
            path={"score_id": score_id},
            query={"authorisation": authorisation},
        )
        return found

    def counterfactuals(self, score_id: str, *, authorisation: str | None = None) -> _m.CounterfactualsAnswer:
        """如何提高评分 / what would raise a score"""
        found: _m.CounterfactualsAnswer = self._caller.call(
            "GET",
            "/v1/scores/{score_id}/counterfactuals",
            path={"score_id": score_id},
            query={"authorisation": authorisation},
        )
        return found


class Jobs:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def many(self, body: _m.ManyRequest) -> _m.ManyAnswer:
        """一次评级多个主体 / rate up to 1,000 subjects at once"""
        found: _m.ManyAnswer = self._caller.call("POST", "/v1/scores/batch", json=body)
        return found

    def order(self, body: _m.JobRequest, *, idempotency_key: str | None = None) -> Any:
        """下达批量评分任务 / order a job"""
        found: Any = self._caller.call(
            "POST", "/v1/jobs", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def job(self, job_id: str) -> _m.JobAnswer:
        """任务进度 / how a job is"""
        found: _m.JobAnswer = self._caller.call("GET", "/v1/jobs/{job_id}", path={"job_id": job_id})
        return found

    def cancel(self, job_id: str) -> _m.JobAnswer:
        """取消任务 / cancel a job"""
        found: _m.JobAnswer = self._caller.call("DELETE", "/v1/jobs/{job_id}", path={"job_id": job_id})
        return found

    def result(self, job_id: str, *, if_none_match: str | None = None) -> bytes:
        """任务结果 / a job's result"""
        found: bytes = self._caller.call(
            "GET", "/v1/jobs/{job_id}/result", path={"job_id": job_id}, headers={"If-None-Match": if_none_match}
        )
        return found


class Files:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def file(
        self,
        subject_id: str,
        *,
        purpose: Literal["loan_application", "loan_monitoring", "review", "demonstration"],
        language: Literal["zh", "en"] | None = None,
        as_of: str | None = None,
        authorisation: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """信用档案 / credit file"""
        found: dict[str, Any] = self._caller.call(
            "GET",
            "/v1/subjects/{subject_id}/file",
            path={"subject_id": subject_id},
            query={
                "language": language,
                "purpose": purpose,
                "as_of": as_of,
                "authorisation": authorisation,
                "limit": limit,
            },
        )
        return found

    def page(
        self,
        subject_id: str,
        *,
        purpose: Literal["loan_application", "loan_monitoring", "review", "demonstration"],
        as_of: str | None = None,
        authorisation: str | None = None,
        limit: int | None = None,
    ) -> bytes:
        """信用档案网页 / credit file as a page"""
        found: bytes = self._caller.call(
            "GET",
            "/v1/subjects/{subject_id}/file.html",
            path={"subject_id": subject_id},
            query={"purpose": purpose, "as_of": as_of, "authorisation": authorisation, "limit": limit},
        )
        return found


class Reports:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def order(self, body: _m.ReportRequest, *, idempotency_key: str | None = None) -> _m.OrderedReport:
        """出具信用报告 / order a credit report"""
        found: _m.OrderedReport = self._caller.call(
            "POST", "/v1/reports", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def report(
        self,
        report_id: str,
        *,
        format: Literal["json", "html", "pdf"] | None = None,
        language: Literal["zh", "en"] | None = None,
        accept: str | None = None,
    ) -> dict[str, Any] | bytes:
        """取阅信用报告 / fetch a credit report"""
        found: dict[str, Any] | bytes = self._caller.call(
            "GET",
            "/v1/reports/{report_id}",
            path={"report_id": report_id},
            query={"format": format, "language": language},
            headers={"Accept": accept},
        )
        return found


class Objections:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def objections(
        self,
        *,
        state: Literal["open", "overdue", "upheld", "rejected"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> _m.ObjectionPage:
        """异议列表 / objections"""
        found: _m.ObjectionPage = self._caller.call(
            "GET", "/v1/objections", query={"state": state, "cursor": cursor, "limit": limit}
        )
        return found

    def lodge(self, body: _m.ObjectionRequest, *, idempotency_key: str | None = None) -> _m.ObjectionAnswer:
        """提出异议 / object to a record"""
        found: _m.ObjectionAnswer = self._caller.call(
            "POST", "/v1/objections", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def objection(self, case_id: str) -> _m.ObjectionAnswer:
        """一件异议 / one objection"""
        found: _m.ObjectionAnswer = self._caller.call("GET", "/v1/objections/{case_id}", path={"case_id": case_id})
        return found

    def answer(self, case_id: str, body: _m.AnswerRequest) -> _m.ObjectionAnswer:
        """答复异议 / answer an objection"""
        found: _m.ObjectionAnswer = self._caller.call(
            "POST", "/v1/objections/{case_id}/answer", path={"case_id": case_id}, json=body
        )
        return found


class Repairs:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def repairs(
        self,
        *,
        state: Literal["asked", "proposed", "done", "refused"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> _m.CasePage:
        """修复列表 / repairs"""
        found: _m.CasePage = self._caller.call(
            "GET", "/v1/repairs", query={"state": state, "cursor": cursor, "limit": limit}
        )
        return found

    def ask(self, body: _m.RepairRequest, *, idempotency_key: str | None = None) -> _m.CaseAnswer:
        """申请信用修复 / ask for repair"""
        found: _m.CaseAnswer = self._caller.call(
            "POST", "/v1/repairs", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def repair(self, case_id: str) -> _m.CaseAnswer:
        """一件修复 / one repair"""
        found: _m.CaseAnswer = self._caller.call("GET", "/v1/repairs/{case_id}", path={"case_id": case_id})
        return found

    def propose(self, case_id: str) -> _m.CaseAnswer:
        """提请修复 / propose it"""
        found: _m.CaseAnswer = self._caller.call("POST", "/v1/repairs/{case_id}/proposal", path={"case_id": case_id})
        return found

    def approve(self, case_id: str, body: _m.Decision) -> _m.CaseAnswer:
        """批准修复 / approve it"""
        found: _m.CaseAnswer = self._caller.call(
            "POST", "/v1/repairs/{case_id}/approval", path={"case_id": case_id}, json=body
        )
        return found

    def refuse(self, case_id: str, body: _m.Decision) -> _m.CaseAnswer:
        """不予修复 / refuse it"""
        found: _m.CaseAnswer = self._caller.call(
            "POST", "/v1/repairs/{case_id}/refusal", path={"case_id": case_id}, json=body
        )
        return found


class Erasures:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def erasures(
        self,
        *,
        state: Literal["asked", "proposed", "done", "refused"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> _m.CasePage:
        """删除列表 / erasures"""
        found: _m.CasePage = self._caller.call(
            "GET", "/v1/erasures", query={"state": state, "cursor": cursor, "limit": limit}
        )
        return found

    def order_erasure(self, body: _m.ErasureRequest, *, idempotency_key: str | None = None) -> _m.CaseAnswer:
        """提请依法删除 / propose an erasure"""
        found: _m.CaseAnswer = self._caller.call(
            "POST", "/v1/erasures", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def approve_erasure(self, case_id: str, body: _m.Decision) -> _m.CaseAnswer:
        """批准删除 / approve it"""
        found: _m.CaseAnswer = self._caller.call(
            "POST", "/v1/erasures/{case_id}/approval", path={"case_id": case_id}, json=body
        )
        return found

    def refuse_erasure(self, case_id: str, body: _m.Decision) -> _m.CaseAnswer:
        """不予删除 / refuse it"""
        found: _m.CaseAnswer = self._caller.call(
            "POST", "/v1/erasures/{case_id}/refusal", path={"case_id": case_id}, json=body
        )
        return found


class Models:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def models(self) -> list[_m.ModelAnswer]:
        """模型版本 / model versions"""
        found: list[_m.ModelAnswer] = self._caller.call("GET", "/v1/models")
        return found

    def version(self, name: str, version: str) -> _m.ModelDetail:
        """一个模型版本 / a model version"""
        found: _m.ModelDetail = self._caller.call(
            "GET", "/v1/models/{name}/versions/{version}", path={"name": name, "version": version}
        )
        return found

    def card(self, name: str, version: str) -> _m.CardAnswer:
        """模型卡 / model card"""
        found: _m.CardAnswer = self._caller.call(
            "GET", "/v1/models/{name}/versions/{version}/card", path={"name": name, "version": version}
        )
        return found

    def monitoring(self, name: str) -> _m.MonitoringAnswer:
        """模型监测 / how a model is doing"""
        found: _m.MonitoringAnswer = self._caller.call("GET", "/v1/models/{name}/monitoring", path={"name": name})
        return found


class Catalogue:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def catalogue(self) -> list[dict[str, Any]]:
        """信用信息目录 / information catalogue"""
        found: list[dict[str, Any]] = self._caller.call("GET", "/v1/catalogue")
        return found

    def page(self) -> bytes:
        """信用信息目录网页 / the catalogue as a page"""
        found: bytes = self._caller.call("GET", "/catalogue")
        return found


class Exchange:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def declare(self, body: _m.UploadRequest) -> _m.UploadAnswer:
        """申报一批 / declare a batch"""
        found: _m.UploadAnswer = self._caller.call("POST", "/v1/uploads", json=body)
        return found

    def state(self, upload_id: str) -> _m.UploadAnswer:
        """进度与状态 / progress and state"""
        found: _m.UploadAnswer = self._caller.call("GET", "/v1/uploads/{upload_id}", path={"upload_id": upload_id})
        return found

    def progress(self, upload_id: str) -> dict[str, str]:
        """进度（仅头部） / progress, headers only"""
        found: dict[str, str] = self._caller.call("HEAD", "/v1/uploads/{upload_id}", path={"upload_id": upload_id})
        return found

    def append(
        self, upload_id: str, content: bytes, *, upload_offset: int, content_digest: str | None = None
    ) -> _m.UploadAnswer | None:
        """续传一段 / append a chunk"""
        found: _m.UploadAnswer | None = self._caller.call(
            "PATCH",
            "/v1/uploads/{upload_id}",
            path={"upload_id": upload_id},
            headers={
                "Upload-Offset": upload_offset,
                "Content-Digest": content_digest,
                "Content-Type": "application/offset+octet-stream",
            },
            content=content,
        )
        return found

    def give_up(self, upload_id: str) -> None:
        """放弃 / give up"""
        self._caller.call("DELETE", "/v1/uploads/{upload_id}", path={"upload_id": upload_id})

    def receipt(self, upload_id: str, *, wait: float | None = None) -> _m.ReceiptAnswer | _m.UploadAnswer:
        """签名回执 / the signed receipt"""
        found: _m.ReceiptAnswer | _m.UploadAnswer = self._caller.call(
            "GET", "/v1/uploads/{upload_id}/receipt", path={"upload_id": upload_id}, query={"wait": wait}
        )
        return found

    def rejects(self, upload_id: str) -> bytes:
        """被拒的行 / the rows that were refused"""
        found: bytes = self._caller.call("GET", "/v1/uploads/{upload_id}/rejects", path={"upload_id": upload_id})
        return found

    def batches(self, *, item: str | None = None, cursor: str | None = None, limit: int | None = None) -> _m.BatchPage:
        """批次与回执 / batches and their receipts"""
        found: _m.BatchPage = self._caller.call(
            "GET", "/v1/batches", query={"item": item, "cursor": cursor, "limit": limit}
        )
        return found

    def push(
        self,
        content: bytes,
        *,
        item: str,
        batch_key: str,
        ending: Literal["csv", "csv.gz", "jsonl", "jsonl.gz", "parquet", "xlsx"],
        version: int | None = None,
        history: bool | None = None,
    ) -> _m.ReceiptAnswer:
        """一次送完的小批 / a small batch in one request"""
        found: _m.ReceiptAnswer = self._caller.call(
            "POST",
            "/v1/batches",
            query={"item": item, "batch_key": batch_key, "ending": ending, "version": version, "history": history},
            headers={"Content-Type": "application/octet-stream"},
            content=content,
        )
        return found

    def receipt_of(self, batch_id: str) -> _m.ReceiptAnswer:
        """签名回执 / the signed receipt"""
        found: _m.ReceiptAnswer = self._caller.call(
            "GET", "/v1/batches/{batch_id}/receipt", path={"batch_id": batch_id}
        )
        return found

    def rejects_of(self, batch_id: str) -> bytes:
        """被拒的行 / the rows that were refused"""
        found: bytes = self._caller.call("GET", "/v1/batches/{batch_id}/rejects", path={"batch_id": batch_id})
        return found

    def nothing_to_report(self, body: _m.ZeroReport) -> _m.ZeroReport:
        """零报告 / nothing to report"""
        found: _m.ZeroReport = self._caller.call("POST", "/v1/nothing-to-report", json=body)
        return found

    def receipt_key(self) -> dict[str, Any]:
        """回执公钥（JWKS） / public key of receipts"""
        found: dict[str, Any] = self._caller.call("GET", "/v1/receipts/key")
        return found


class Assessment:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def assessment(
        self,
        *,
        month: str | None = None,
        months: int | None = None,
        as_of: str | None = None,
        source: str | None = None,
    ) -> _m.AssessmentAnswer:
        """报送考核 / submission assessment"""
        found: _m.AssessmentAnswer = self._caller.call(
            "GET", "/v1/assessment", query={"month": month, "months": months, "as_of": as_of, "source": source}
        )
        return found

    def page(
        self,
        *,
        month: str | None = None,
        months: int | None = None,
        as_of: str | None = None,
        source: str | None = None,
    ) -> bytes:
        """报送考核报告 / the assessment as a page"""
        found: bytes = self._caller.call(
            "GET", "/v1/assessment/page", query={"month": month, "months": months, "as_of": as_of, "source": source}
        )
        return found


class Warnings:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def current(
        self,
        *,
        segment: Literal["enterprise", "farmer"] | None = None,
        severity: Literal["blue", "yellow", "orange", "red"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> _m.WarningPage:
        """当前预警 / current early warnings"""
        found: _m.WarningPage = self._caller.call(
            "GET", "/v1/warnings", query={"segment": segment, "severity": severity, "cursor": cursor, "limit": limit}
        )
        return found

    def of_subject(
        self,
        subject_id: str,
        *,
        purpose: Literal["loan_application", "loan_monitoring", "review", "demonstration"],
        authorisation: str | None = None,
        as_of: str | None = None,
        months: int | None = None,
    ) -> _m.WarningHistory:
        """主体的预警经过 / a subject's warnings over time"""
        found: _m.WarningHistory = self._caller.call(
            "GET",
            "/v1/subjects/{subject_id}/warnings",
            path={"subject_id": subject_id},
            query={"purpose": purpose, "authorisation": authorisation, "as_of": as_of, "months": months},
        )
        return found


class WatchLists:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def every(self, *, cursor: str | None = None, limit: int | None = None) -> _m.ListPage:
        """关注名单 / watch lists"""
        found: _m.ListPage = self._caller.call("GET", "/v1/watch-lists", query={"cursor": cursor, "limit": limit})
        return found

    def make(self, body: _m.ListAsked, *, idempotency_key: str | None = None) -> _m.ListAnswer:
        """新建关注名单 / make a watch list"""
        found: _m.ListAnswer = self._caller.call(
            "POST", "/v1/watch-lists", headers={"Idempotency-Key": idempotency_key or new_key()}, json=body
        )
        return found

    def one(self, watch_list_id: str) -> _m.ListAnswer:
        """一个名单 / one list"""
        found: _m.ListAnswer = self._caller.call(
            "GET", "/v1/watch-lists/{watch_list_id}", path={"watch_list_id": watch_list_id}
        )
        return found

    def remove(self, watch_list_id: str) -> None:
        """删除名单 / remove a list"""
        self._caller.call("DELETE", "/v1/watch-lists/{watch_list_id}", path={"watch_list_id": watch_list_id})

    def entries(self, watch_list_id: str, *, cursor: str | None = None, limit: int | None = None) -> _m.EntryPage:
        """名单上的主体 / subjects on a list"""
        found: _m.EntryPage = self._caller.call(
            "GET",
            "/v1/watch-lists/{watch_list_id}/entries",
            path={"watch_list_id": watch_list_id},
            query={"cursor": cursor, "limit": limit},
        )
        return found

    def add(
        self, watch_list_id: str, body: _m.EntriesAsked, *, idempotency_key: str | None = None
    ) -> list[_m.EntryAnswer]:
        """加入主体 / put subjects on a list"""
        found: list[_m.EntryAnswer] = self._caller.call(
            "POST",
            "/v1/watch-lists/{watch_list_id}/entries",
            path={"watch_list_id": watch_list_id},
            headers={"Idempotency-Key": idempotency_key or new_key()},
            json=body,
        )
        return found

    def take_off(self, watch_list_id: str, subject_id: str) -> None:
        """移出主体 / take a subject off"""
        self._caller.call(
            "DELETE",
            "/v1/watch-lists/{watch_list_id}/entries/{subject_id}",
            path={"watch_list_id": watch_list_id, "subject_id": subject_id},
        )


class Webhooks:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def every(self) -> list[_m.HookAnswer]:
        """回调 / webhooks"""
        found: list[_m.HookAnswer] = self._caller.call("GET", "/v1/webhooks")
        return found

    def add(self, body: _m.HookAsked) -> _m.NewHook:
        """新增回调 / add a webhook"""
        found: _m.NewHook = self._caller.call("POST", "/v1/webhooks", json=body)
        return found

    def one(self, webhook_id: str) -> _m.HookAnswer:
        """一个回调 / one webhook"""
        found: _m.HookAnswer = self._caller.call("GET", "/v1/webhooks/{webhook_id}", path={"webhook_id": webhook_id})
        return found

    def remove(self, webhook_id: str) -> None:
        """删除回调 / remove a webhook"""
        self._caller.call("DELETE", "/v1/webhooks/{webhook_id}", path={"webhook_id": webhook_id})

    def secret(self, webhook_id: str) -> _m.SecretAnswer:
        """更换密钥 / replace the secret"""
        found: _m.SecretAnswer = self._caller.call(
            "POST", "/v1/webhooks/{webhook_id}/secret", path={"webhook_id": webhook_id}
        )
        return found

    def ping(self, webhook_id: str) -> _m.PingAnswer:
        """试投一次 / send a test event"""
        found: _m.PingAnswer = self._caller.call(
            "POST", "/v1/webhooks/{webhook_id}/ping", path={"webhook_id": webhook_id}
        )
        return found

    def deliveries(
        self,
        webhook_id: str,
        *,
        state: Literal["waiting", "delivered", "dead"] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> _m.DeliveryPage:
        """投递 / deliveries"""
        found: _m.DeliveryPage = self._caller.call(
            "GET",
            "/v1/webhooks/{webhook_id}/deliveries",
            path={"webhook_id": webhook_id},
            query={"state": state, "cursor": cursor, "limit": limit},
        )
        return found

    def redeliver(self, webhook_id: str, delivery_id: str) -> _m.DeliveryAnswer:
        """重新投递 / send again"""
        found: _m.DeliveryAnswer = self._caller.call(
            "POST",
            "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver",
            path={"webhook_id": webhook_id, "delivery_id": delivery_id},
        )
        return found


class Pingxintong:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def listed(self, *, cursor: str | None = None, limit: int | None = None) -> _m.ApplicationPage:
        """本方的申请 / one's own applications"""
        found: _m.ApplicationPage = self._caller.call(
            "GET", "/v1/pingxintong/applications", query={"cursor": cursor, "limit": limit}
        )
        return found

    def apply(self, body: _m.ApplicationRequest) -> _m.ApplicationAnswer:
        """报送申请，取得评级 / an application in, its rating out"""
        found: _m.ApplicationAnswer = self._caller.call("POST", "/v1/pingxintong/applications", json=body)
        return found

    def one(self, application_id: str) -> _m.ApplicationAnswer:
        """一件申请 / one application"""
        found: _m.ApplicationAnswer = self._caller.call(
            "GET", "/v1/pingxintong/applications/{application_id}", path={"application_id": application_id}
        )
        return found

    def decide(self, application_id: str, body: _m.DecisionRequest) -> _m.ApplicationBrief:
        """报送审批结果 / the decision back"""
        found: _m.ApplicationBrief = self._caller.call(
            "POST",
            "/v1/pingxintong/applications/{application_id}/decision",
            path={"application_id": application_id},
            json=body,
        )
        return found

    def outcome(self, application_id: str, body: _m.OutcomeRequest) -> _m.OutcomeAnswer:
        """报送还款结果 / an outcome back"""
        found: _m.OutcomeAnswer = self._caller.call(
            "POST",
            "/v1/pingxintong/applications/{application_id}/outcomes",
            path={"application_id": application_id},
            json=body,
        )
        return found


class Access:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def token(self, form: dict[str, str]) -> _m.TokenAnswer:
        """领取令牌 / get a token"""
        found: _m.TokenAnswer = self._caller.call("POST", "/v1/oauth/token", form=form)
        return found

    def listed_v1_consents_get(self, *, cursor: str | None = None, limit: int | None = None) -> _m.ConsentPage:
        """授权列表 / authorisations"""
        found: _m.ConsentPage = self._caller.call("GET", "/v1/consents", query={"cursor": cursor, "limit": limit})
        return found

    def file(self, body: _m.ConsentRequest) -> _m.ConsentAnswer:
        """登记授权 / file an authorisation"""
        found: _m.ConsentAnswer = self._caller.call("POST", "/v1/consents", json=body)
        return found

    def withdraw(self, consent_id: str) -> _m.ConsentAnswer:
        """撤回授权 / withdraw it"""
        found: _m.ConsentAnswer = self._caller.call(
            "POST", "/v1/consents/{consent_id}/withdrawal", path={"consent_id": consent_id}
        )
        return found

    def looks(self, *, cursor: int | None = None, limit: int | None = None) -> _m.LookPage:
        """谁查询过我 / who looked at me"""
        found: _m.LookPage = self._caller.call("GET", "/v1/looks", query={"cursor": cursor, "limit": limit})
        return found

    def propose(self, body: _m.PromotionRequest) -> _m.ApprovalAnswer:
        """提请上线 / propose a promotion"""
        found: _m.ApprovalAnswer = self._caller.call("POST", "/v1/approvals/promotions", json=body)
        return found

    def listed_v1_approvals_get(self, *, cursor: str | None = None, limit: int | None = None) -> _m.ApprovalPage:
        """待批事项 / steps that wait"""
        found: _m.ApprovalPage = self._caller.call("GET", "/v1/approvals", query={"cursor": cursor, "limit": limit})
        return found

    def approve(self, approval_id: str, body: _m.ApprovalDecision) -> _m.ApprovalAnswer:
        """批准 / approve"""
        found: _m.ApprovalAnswer = self._caller.call(
            "POST", "/v1/approvals/{approval_id}/approval", path={"approval_id": approval_id}, json=body
        )
        return found

    def reject(self, approval_id: str, body: _m.ApprovalDecision) -> _m.ApprovalAnswer:
        """不予批准或撤回 / reject, or take back"""
        found: _m.ApprovalAnswer = self._caller.call(
            "POST", "/v1/approvals/{approval_id}/rejection", path={"approval_id": approval_id}, json=body
        )
        return found


class Operations:
    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def alive(self) -> dict[str, str]:
        """存活 / alive"""
        found: dict[str, str] = self._caller.call("GET", "/healthz")
        return found

    def ready(self) -> dict[str, Any]:
        """就绪 / ready"""
        found: dict[str, Any] = self._caller.call("GET", "/readyz")
        return found

    def metrics(self) -> bytes:
        """Prometheus 指标 / metrics"""
        found: bytes = self._caller.call("GET", "/metrics")
        return found


class AllOperations:
    def __init__(self, caller: Caller) -> None:
        self.scores = Scores(caller)
        self.jobs = Jobs(caller)
        self.files = Files(caller)
        self.reports = Reports(caller)
        self.objections = Objections(caller)
        self.repairs = Repairs(caller)
        self.erasures = Erasures(caller)
        self.models = Models(caller)
        self.catalogue = Catalogue(caller)
        self.exchange = Exchange(caller)
        self.assessment = Assessment(caller)
        self.warnings = Warnings(caller)
        self.watch_lists = WatchLists(caller)
        self.webhooks = Webhooks(caller)
        self.pingxintong = Pingxintong(caller)
        self.access = Access(caller)
        self.operations = Operations(caller)
