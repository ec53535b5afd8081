"""Walk-throughs of docs/: their blocks, and a shell, an operator and an interpreter that execute them in order."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from huixin.cli import app

FENCE = re.compile(r"^```(sh|console|python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXPORT = re.compile(r"^export (\w+)=(.*)$", re.MULTILINE)
TOLD = re.compile(r"hx_[0-9a-f]{12}_[\w-]+|\bc-[0-9a-f]{12}\b")
ANY = "…"
UNTRIED = "<!-- not executed"


@dataclass
class Block:
    """What a reader copies, and what the text says comes out; ``line``: where it stands."""

    kind: str
    content: str
    line: int
    tried: bool
    expected: str | None = None


def blocks(text: str) -> list[Block]:
    """In their order; a block of text belongs to the one before it."""
    found: list[Block] = []
    for one in FENCE.finditer(text):
        kind, content = one.groups()
        if kind == "text":
            found[-1].expected = content
        else:
            tried = not text[: one.start()].rstrip().rpartition("\n")[2].startswith(UNTRIED)
            found.append(Block(kind, content, text[: one.start()].count("\n") + 1, tried))
    return found


def comes_out(expected: str, output: str) -> bool:
    """Whether ``output`` is what is expected: … stands for anything, alone on a line for any number of lines."""
    pattern = "\n".join(
        r"(?:.*\n)*?.*" if line.strip() == ANY else ".*".join(re.escape(part) for part in line.rstrip().split(ANY))
        for line in expected.strip().splitlines()
    )
    said = "\n".join(line.rstrip() for line in output.strip().splitlines())
    return re.fullmatch(pattern, said) is not None


class Walker:
    """Somebody who copies and pastes: one shell from beginning to end, in an empty folder beside docs/.

    ``known``: what the reader puts in place of an ``export NAME=...`` of the text. Keys and ids of clients are those
    that the operator's commands told; ``environment`` is the operator's.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], known: Mapping[str, str]) -> None:
        folder.mkdir()
        (folder / "docs").symlink_to(Path(__file__).parents[2] / "docs")
        self.folder, self.environment, self.known = folder, environment, known
        self.told: list[str] = []
        self.shell = subprocess.Popen(
            ["bash", "-u"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "LANG": "C.UTF-8"},
            text=True,
        )

    def execute(self, block: Block) -> str:
        """What comes out. Raises ``AssertionError`` where the block fails."""
        if block.kind == "console":
            return self._operate(block.content)
        if block.kind == "python":
            script = self.folder / f"block-{block.line}.py"
            script.write_text(block.content, encoding="utf-8")
            return self._paste(f"'{sys.executable}' '{script}'\n")
        return self._paste(EXPORT.sub(self._filled_in, block.content))

    def end(self) -> None:
        with suppress(BrokenPipeError):  # a failed block has ended the shell
            self.shell.communicate("kill $(jobs -p) 2>/dev/null\n", timeout=10)

    def _paste(self, commands: str) -> str:
        mark = secrets.token_hex(8)
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"set -e\n{commands}\nset +e\necho; echo {mark}\n")
        self.shell.stdin.flush()
        lines: list[str] = []
        for line in self.shell.stdout:
            if line.strip() == mark:
                return "".join(lines)
            lines.append(line)
        raise AssertionError("the shell ended:\n" + "".join(lines))

    def _operate(self, commands: str) -> str:
        outputs = []
        for line in commands.replace("\\\n", " ").splitlines():
            if line.strip():
                asked = re.sub(r"\$(\w+)", lambda one: self.known[one.group(1)], line).split()
                assert asked[0] == "huixin", line
                done = CliRunner().invoke(app, asked[1:], env=dict(self.environment))
                assert done.exit_code == 0, f"{line}: {done.output}{done.exception}"
                outputs.append(done.stdout)
        output = "".join(outputs)
        self.told += TOLD.findall(output)
        return output

    def _filled_in(self, export: re.Match[str]) -> str:
        name, value = export.groups()
        if name in self.known:
            return f"export {name}='{self.known[name]}'"
        if value.endswith(ANY):
            own = next(one for one in self.told if one.startswith(value.removesuffix(ANY)))
            self.told.remove(own)
            return f"export {name}='{own}'"
        return export.group()
