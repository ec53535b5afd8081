"""UTF-8 or GB18030: which a text file is, and that it does not mix them."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from records.reading.chunk import refusal
from records.reading.limits import opened

BLOCK_BYTES = 16 << 20
LONGEST_LINE = 16 << 20


def lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers; raises ``BadBatch`` for one that no sensible row could need."""
    with opened(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE:
                limit = f"{LONGEST_LINE >> 20} MiB"
                raise refusal(
                    path,
                    f"第 {number} 行过长；每行至多 {limit}",
                    f"line {number}: too long; at most {limit} a line are accepted",
                )
            yield number, line


def encoding_of(path: Path) -> str:
    """``utf-8`` or ``gb18030``; raises ``BadBatch`` naming the lines where a file mixes the two or is neither."""
    if _is_utf8(path):
        return "utf-8"
    utf8_line = gb_line = None
    for number, line in lines(path):
        encoding = _line_encoding(line)
        if encoding is None:
            raise refusal(
                path,
                f"第 {number} 行：既非 UTF-8 也非 GB18030",
                f"line {number}: neither UTF-8 nor GB18030, the encodings accepted",
            )
        if encoding == "gb18030":
            gb_line = gb_line or number
        elif encoding == "utf-8":
            utf8_line = utf8_line or number
        if utf8_line and gb_line:
            raise refusal(
                path,
                f"编码混杂，第 {utf8_line} 行为 UTF-8，第 {gb_line} 行为 GB18030；请统一为一种",
                f"mixed encodings, line {utf8_line} is UTF-8 and line {gb_line} is GB18030; use one",
            )
    return "gb18030"


def _line_encoding(line: bytes) -> str | None:
    """``ascii`` (fits both), ``utf-8``, ``gb18030`` or ``None``. Only Chinese characters prove a line to be UTF-8."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        try:
            line.decode("gb18030")
        except UnicodeDecodeError:
            return None
        return "gb18030"
    return "utf-8" if any("\u4e00" <= character <= "\u9fff" for character in text) else "ascii"


def _is_utf8(path: Path) -> bool:
    """Arrow tells ten times as fast as Python whether whole lines are UTF-8; what ends no line is left to Python."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with opened(path) as file:
        rest = b""
        while block := file.read(BLOCK_BYTES):
            block = rest + block
            end = block.rfind(b"\n") + 1
            if not (is_utf8(block[:end]) if end else _decodes(decoder, block)):
                return False
            rest = block[end:] if end else decoder.getstate()[0]
            decoder.reset()
        return _decodes(decoder, rest, final=True)


def is_utf8(block: bytes | memoryview) -> bool:
    """Whether ``block``, which ends with a whole character, is UTF-8."""
    ends = np.array([0, len(block)], np.int64)
    try:
        text = pa.Array.from_buffers(pa.large_string(), 1, [None, pa.py_buffer(ends), pa.py_buffer(block)])
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True
