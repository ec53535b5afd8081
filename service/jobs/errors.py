"""What may be wrong with a job."""

from __future__ import annotations

from typing import ClassVar

from records.errors import HuixinError
from records.words import Text


class UnknownJob(HuixinError):
    code: ClassVar[str] = "unknown-job"
    status: ClassVar[int] = 404
    title: ClassVar[Text] = Text("没有此任务", "Unknown job")


class NotReady(HuixinError):
    code: ClassVar[str] = "job-not-ready"
    status: ClassVar[int] = 409
    title: ClassVar[Text] = Text("任务尚无结果", "The job has no result")
    retry_after: ClassVar[int] = 5


class ResultGone(HuixinError):
    code: ClassVar[str] = "job-result-gone"
    status: ClassVar[int] = 410
    title: ClassVar[Text] = Text("结果已不再保留", "The result is no longer kept")


class BadJob(HuixinError):
    code: ClassVar[str] = "bad-job"
    status: ClassVar[int] = 422
    title: ClassVar[Text] = Text("任务有误", "Bad job")


class TooManyJobs(HuixinError):
    code: ClassVar[str] = "too-many-jobs"
    status: ClassVar[int] = 429
    title: ClassVar[Text] = Text("未完成的任务过多", "Too many unfinished jobs")
    retry_after: ClassVar[int] = 30


class JobFailed(HuixinError):
    code: ClassVar[str] = "job-failed"
    status: ClassVar[int] = 500
    title: ClassVar[Text] = Text("任务未能完成", "The job failed")


class Stopped(Exception):
    """The job is no longer this worker's: cancelled, or taken up by another."""
