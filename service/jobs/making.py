"""A job's file: chunk by chunk, each entered into the audit trail before the file can be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import file_digest
from pathlib import Path
from typing import Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

from features.spine import known_since
from records.database import writing
from records.database_jobs import JobRow
from records.errors import HuixinError
from scoring.batch import appearing, columns_of, scores_writer
from scoring.columns import ScoreColumns
from scoring.rating import Rater
from service.jobs.desk import JobDesk
from service.jobs.rows import Rated, Wanted, enter_chunk, enter_each, problem_of, rate
from service.security import Client, allow_subject
from service.security.consents import Consents

NAMED_AT_ONCE, ALL_AT_ONCE = 1_000, 20_000
Problems = dict[int, tuple[str, HuixinError]]


class _Writes(Protocol):
    def write(self, rated: list[Rated], problems: Problems) -> None: ...


def make(desk: JobDesk, rater: Rater, job: JobRow, client: Client, go_on: Callable[[], None]) -> dict[str, Any]:
    """Write the file of ``job``; ``bytes`` and ``sha256`` of it. ``go_on`` and this raise ``Stopped`` to end early.

    Whoever may no longer be scored when the turn comes is refused: a line with the problem in NDJSON, no row in
    Parquet.
    """
    desk.folder.mkdir(parents=True, exist_ok=True)
    path, done, refused = desk.file(job), 0, 0
    with ExitStack() as open_files:
        unfinished = open_files.enter_context(appearing(path))
        lines = _open(open_files, unfinished, job, rater)
        for rated, problems, enter, total in _chunks(rater, job, client):
            go_on()
            lines.write(rated, problems)
            done += sum(len(part.places) for part in rated) + len(problems)
            refused += len(problems)
            with writing(desk.base.engine) as session:
                enter(session)
                desk.advance(session, job, done, refused, total)
    with path.open("rb") as file:
        return {"bytes": path.stat().st_size, "sha256": file_digest(file, "sha256").hexdigest()}


Chunk = tuple[list[Rated], Problems, Callable[[Session], None], int]


def _chunks(rater: Rater, job: JobRow, client: Client) -> Iterator[Chunk]:
    return _named(rater, job, client) if job.subjects is not None else _whole(rater, job, client)


def _named(rater: Rater, job: JobRow, client: Client) -> Iterator[Chunk]:
    subjects = [Wanted(str(one), str(kind), authorisation) for one, kind, authorisation in job.subjects or []]
    consents = Consents(rater.base)
    for start in range(0, len(subjects), NAMED_AT_ONCE):
        problems: Problems = {}
        asked: dict[int, Wanted] = {}
        for place, one in enumerate(subjects[start : start + NAMED_AT_ONCE]):
            try:
                allow_subject(client, one.kind, one.authorisation)
                consents.check(client, one.subject_id, (one.kind,), job.purpose, one.authorisation)
                asked[place] = one
            except HuixinError as error:
                problems[place] = one.subject_id, error
        rated = rate(rater, list(asked.items()), job.as_of, _reasons(job))

        def enter(session: Session, asked: dict[int, Wanted] = asked, rated: list[Rated] = rated) -> None:
            enter_each(session, job.client_id, job.purpose, asked, rated, job_id=job.job_id)

        yield rated, problems, enter, len(subjects)


def _whole(rater: Rater, job: JobRow, client: Client) -> Iterator[Chunk]:
    segment = str(job.segment)
    allow_subject(client, segment, None)
    columns, pipeline = columns_of(rater, segment, _reasons(job)), rater.pipeline(segment)
    seen = known_since(pipeline.connection, segment)
    moment = pa.scalar(job.as_of, pa.timestamp("us"))
    ids = seen.filter(pc.less_equal(seen["known_since"], moment))["subject_id"].combine_chunks()
    for start in range(0, len(ids), ALL_AT_ONCE):
        some = ids.slice(start, ALL_AT_ONCE)
        spine = pa.table({"subject_id": some, "as_of": pa.repeat(moment, len(some))})
        part = Rated(columns, list(range(len(some))), columns.score(pipeline.build(spine))[0])

        def enter(session: Session, part: Rated = part) -> None:
            enter_chunk(session, job.client_id, job.purpose, segment, part, job.as_of, job_id=job.job_id)

        yield [part], {}, enter, len(ids)


def _reasons(job: JobRow) -> Any:
    return job.reasons


class _Lines:
    """NDJSON, in the order of the question."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def write(self, rated: list[Rated], problems: Problems) -> None:
        lines: dict[int, dict[str, Any]] = {
            place: {"subject_id": subject_id, "problem": problem_of(error)}
            for place, (subject_id, error) in problems.items()
        }
        for part in rated:
            lines |= dict(zip(part.places, part.answers(), strict=True))
        self.file.writelines(orjson.dumps(lines[place]) + b"\n" for place in sorted(lines))


class _Table:
    """Parquet, in the order of the question."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def write(self, rated: list[Rated], problems: Problems) -> None:
        if rated:
            table = pa.Table.from_batches([part.scores for part in rated])
            places = pa.array([place for part in rated for place in part.places])
            self.writer.write_table(table.take(pc.sort_indices(places)))


def _open(open_files: ExitStack, path: Path, job: JobRow, rater: Rater) -> _Writes:
    if job.format == "ndjson":
        return _Lines(open_files.enter_context(path.open("wb")))
    segment = job.segment or str((job.subjects or [[None, "enterprise"]])[0][1])
    columns: ScoreColumns = columns_of(rater, segment, _reasons(job))
    return _Table(open_files.enter_context(scores_writer(path, columns.schema)))
