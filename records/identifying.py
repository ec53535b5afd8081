"""Identity numbers of a batch to subject ids: each distinct number once, checked by the column, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

import numpy as np
import polars as pl

from records.catalogue import Item
from records.identity import SEALED, Identity, scheme_of
from records.number_checks import LENGTH, masked_numbers, normal_numbers
from records.number_memory import Places, TextPlaces

REMEMBERED = 500_000
ISSUED = r"^[A-Za-z0-9_.-]{1,64}$"
# A citizen number has a place and a day of birth to be right by, so it is tried first: one in 31 of those without an X
# would also pass as a unified code.
SCHEMES = ("ric", "uscc")
# Of a subject that a stored record names, only the id is known: its token says so, and is taken in such fields only.
REFERENCE = "reference"
FACTS = {"scheme": pl.String, "subject_id": pl.String, "masked": pl.String, "prefix": pl.Int64}
PREFIX_DIGITS = 10
OF_SUBJECTS = ("subject_id", "masked", "prefix")
OF_REFERENCES = ("subject_id", "entry")
TO_SEAL = ("subject_id", "scheme", "masked")
NOTHING = pl.Series([None], dtype=pl.String)


class Identifier:
    """Finds the subjects of one batch; ``pseudonyms`` names the issuer of codes used in place of numbers.

    In place of a number a sealed token of this installation is taken (``Identity.seal``), as reject files have them.
    Several threads may ask.
    """

    def __init__(self, item: Item, identity: Identity, pseudonyms: str | None) -> None:
        self.identity = identity
        self._pseudonyms = f"pseudonym:{pseudonyms}" if pseudonyms else None
        self._schemes = {kind: self._pseudonyms or scheme_of(kind) for kind in item.subject_kinds}
        self._memories: dict[tuple[str, ...], _Memory] = {}
        self._named = np.zeros(0, np.bool_)
        self._one_at_a_time = Lock()

    def subjects(self, kinds: pl.Series, numbers: pl.Series, facts: Sequence[str] = OF_SUBJECTS) -> pl.DataFrame:
        """``subject_id``, ``masked`` and ``prefix`` of each row; null where there is no such subject.

        ``prefix``: the first ten hexadecimal digits of the subject id as a number.
        """
        schemes = sorted(set(self._schemes.values()))
        known = []
        for scheme in schemes:
            of_scheme = kinds.is_in([kind for kind, own in self._schemes.items() if own == scheme]).fill_null(False)
            asked = numbers if of_scheme.all() else numbers.zip_with(of_scheme, NOTHING)
            known.append(self._known((scheme,), asked, facts))
        return known[0] if len(known) == 1 else _first_found(*known)

    def references(self, numbers: pl.Series, facts: Sequence[str] = OF_REFERENCES) -> pl.DataFrame:
        """``subject_id`` and ``entry`` of persons or bodies named in a field, by whichever scheme accepts them.

        ``entry``: a number of its own for each number that was accepted.
        """
        return self._known((*((self._pseudonyms,) if self._pseudonyms else SCHEMES), REFERENCE), numbers, facts)

    def newly_named(self, known: pl.DataFrame) -> pl.Series:
        """Ids of the subjects of ``references`` that have not come out of here before; a few come again."""
        known = known.filter(pl.col("entry").is_not_null())
        entries = known["entry"].to_numpy()
        most = int(entries.max(initial=-1)) + 1
        with self._one_at_a_time:
            if most > len(self._named):
                self._named = np.concatenate([self._named, np.zeros(most, np.bool_)])
            new = ~self._named[entries]
            self._named[entries] = True
        return known["subject_id"].filter(pl.Series(new)).unique()

    def sealed(self, subjects: pl.DataFrame) -> pl.Series:
        """A token for each row of ``subject_id``, ``scheme`` and ``masked``; null where there is no subject."""
        keys = ["scheme", "subject_id", "masked"]
        distinct = subjects.select(keys).unique().filter(pl.col("subject_id").is_not_null())
        tokens = [self.identity.seal(*row) for row in distinct.rows()]
        known = distinct.with_columns(token=pl.Series(tokens, dtype=pl.String))
        return subjects.join(known, on=keys, how="left", maintain_order="left")["token"]

    def stored_subjects(self, kinds: pl.Series, subject_ids: pl.Series, masked: pl.Series) -> pl.DataFrame:
        """``subject_id``, ``scheme`` and ``masked`` of rows that were identified before."""
        schemes = kinds.replace_strict(self._schemes, default=None, return_dtype=pl.String)
        return pl.DataFrame({"subject_id": subject_ids, "scheme": schemes, "masked": masked})

    def stored_references(self, subject_ids: pl.Series) -> pl.DataFrame:
        """The same of subjects that stored records name."""
        named = subject_ids.to_frame("subject_id")
        return named.with_columns(scheme=pl.lit(REFERENCE), masked=pl.lit("*" * LENGTH))

    def _known(self, schemes: tuple[str, ...], numbers: pl.Series, facts: Sequence[str]) -> pl.DataFrame:
        """``facts`` of each number; null where none of ``schemes`` accepts it, the first scheme first."""
        with self._one_at_a_time:
            memory = self._memories.setdefault(schemes, _Memory())
            place = self._place(memory, schemes, numbers)
            known = memory.facts.select(facts)
        return known.select(pl.all().gather(pl.Series(place).replace(-1, None)))

    def _place(self, memory: _Memory, schemes: tuple[str, ...], numbers: pl.Series) -> Places:
        """Where the facts of each number are in ``memory``, which learns those that are new; -1 for none."""
        place = memory.places.of(numbers)
        fresh = pl.Series(place < 0) & numbers.is_not_null()
        if not fresh.any():
            return place
        found = self._found(schemes, numbers.filter(fresh).unique())
        if memory.full(found.height):
            memory.forget()
            found = self._found(schemes, numbers.drop_nulls().unique())
        memory.keep(found)
        return memory.places.of(numbers)

    def _found(self, schemes: tuple[str, ...], numbers: pl.Series) -> pl.DataFrame:
        sealed = numbers.str.starts_with(SEALED)
        found = [self._unsealed(schemes, numbers.filter(sealed))]
        left = numbers.filter(~sealed)
        for scheme in (one for one in schemes if one != REFERENCE):
            normal = self._normal(scheme, left)
            right = normal.is_not_null()
            found.append(self._identified(scheme, left.filter(right), normal.filter(right)))
            left = left.filter(~right)
        return pl.concat(found)

    def _normal(self, scheme: str, numbers: pl.Series) -> pl.Series:
        if not self._pseudonyms:
            return normal_numbers(scheme, numbers)
        return numbers.to_frame("n").select(pl.when(pl.col("n").str.contains(ISSUED)).then("n"))["n"]

    def _identified(self, scheme: str, numbers: pl.Series, normal: pl.Series) -> pl.DataFrame:
        ids = pl.Series(self.identity.subject_ids(scheme, normal.to_list()), dtype=pl.String)
        return pl.DataFrame(
            {
                "number": numbers,
                "scheme": pl.repeat(scheme, len(numbers), dtype=pl.String, eager=True),
                "subject_id": ids,
                "masked": normal if self._pseudonyms else masked_numbers(normal),
                "prefix": _prefix(ids),
            }
        )

    def _unsealed(self, schemes: tuple[str, ...], tokens: pl.Series) -> pl.DataFrame:
        opened = [(token, self.identity.unseal(token)) for token in tokens]
        rows = [(token, *content) for token, content in opened if content and content[0] in schemes]
        found = pl.DataFrame(rows, schema=["number", "scheme", "subject_id", "masked"], orient="row")
        return found.cast(pl.String).with_columns(_prefix(found["subject_id"].cast(pl.String)).alias("prefix"))


class _Memory:
    """What was found of the numbers that came before, by number."""

    def __init__(self) -> None:
        self.places = TextPlaces()
        self.facts = pl.DataFrame(schema={**FACTS, "entry": pl.Int64})
        self._entries = 0

    def full(self, more: int) -> bool:
        """Whether ``more`` would be too many, so that those before have to be forgotten."""
        return len(self.places) > 0 and len(self.places) + more > REMEMBERED

    def keep(self, found: pl.DataFrame) -> None:
        """``number`` and ``FACTS``."""
        entry = pl.int_range(self._entries, self._entries + found.height, eager=True).alias("entry")
        self._entries += found.height
        self.facts = pl.concat([self.facts, found.select(*FACTS).with_columns(entry)], rechunk=True)
        self.places.add(found["number"])

    def forget(self) -> None:
        self.places = TextPlaces()
        self.facts = self.facts.clear()


def _prefix(subject_ids: pl.Series) -> pl.Series:
    return subject_ids.str.head(PREFIX_DIGITS).str.to_integer(base=16)


def _first_found(*known: pl.DataFrame) -> pl.DataFrame:
    """Row by row what the one that is not null says."""
    columns = known[0].columns
    return pl.DataFrame({name: pl.select(pl.coalesce(*(one[name] for one in known))).to_series() for name in columns})
