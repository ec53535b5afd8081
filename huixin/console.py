"""How the command line speaks: both languages or one, progress, and errors without a traceback."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from records.errors import HuixinError
from records.words import Text

FILE_WIDTH = 200


def _console(stderr: bool = False) -> Console:
    """A terminal has a width of its own; in a file or a pipe lines are wide enough that no code is folded."""
    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = FILE_WIDTH
    return made


out = _console()
err = _console(stderr=True)


def speak(text: Text) -> str:
    """``text`` in the language of ``HUIXIN_LANGUAGE`` (zh, en; default both)."""
    language = os.environ.get("HUIXIN_LANGUAGE", "both")
    if language == "zh":
        return text.zh
    if language == "en":
        return text.en
    return text.zh if text.zh == text.en else f"{text.zh} · {text.en}"


def say(zh: str, en: str) -> None:
    out.print(speak(Text(zh, en)), markup=False, soft_wrap=True)


def step(zh: str, en: str) -> None:
    out.print(f"[bold cyan]▸[/] [bold]{speak(Text(zh, en))}[/]")


def table(title: Text, columns: list[Text]) -> Table:
    made = Table(title=speak(title), title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(speak(column), overflow="fold")
    return made


def report_error(error: HuixinError) -> None:
    err.print(f"[bold red]{speak(error.title)}[/] [dim]({error.code})[/]")
    err.print(speak(error.text), markup=False, soft_wrap=True)


@contextmanager
def progress(zh: str, en: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr; the yielded function takes how many are done in all."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=not err.is_terminal) as bar:
        task = bar.add_task(speak(Text(zh, en)), total=total)
        yield lambda done: bar.update(task, completed=done)
