"""Functions compiled to machine code, by one way for all that need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def native(function: F) -> F:
    """``numba.njit`` without the interpreter's lock; cached where a folder for it can be written, else in memory.

    Called from Python and from other functions of the same file; Numba's cache looks at one file only.
    """
    try:
        return cast(F, numba.njit(function, cache=True, nogil=True))
    except RuntimeError:  # no folder for a cache: what says so must not stop a score
        return cast(F, numba.njit(function, nogil=True))
