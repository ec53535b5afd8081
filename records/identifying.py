"""Identity numbers of a batch to subject ids: each distinct number once, checked by the column, in bounded memory."""

from __future__ import annotations

import polars as pl

from records.catalogue import Item
from records.identity import SEALED, Identity, scheme_of
from records.number_checks import LENGTH, masked_numbers, normal_numbers

REMEMBERED = 500_000
ISSUED = r"^[A-Za-z0-9_.-]{1,64}$"
# A citizen number has a place and a day of birth to be right by, so it is tried first: one in 31 of those without an X
# would also pass as a unified code.
SCHEMES = ("ric", "uscc")
# Of a subject that a stored record names, only the id is known: its token says so, and is taken in such fields only.
REFERENCE = "reference"
KNOWN = {"number": pl.String, "scheme": pl.String, "subject_id": pl.String, "masked": pl.String}


class Identifier:
    """Finds the subjects of one batch; ``pseudonyms`` names the issuer of codes used in place of numbers.

    In place of a number a sealed token of this installation is taken (``Identity.seal``), as reject files have them.
    """

    def __init__(self, item: Item, identity: Identity, pseudonyms: str | None) -> None:
        self.identity = identity
        self._pseudonyms = f"pseudonym:{pseudonyms}" if pseudonyms else None
        self._schemes = {kind: self._pseudonyms or scheme_of(kind) for kind in item.subject_kinds}
        self._remembered: dict[tuple[str, ...], pl.DataFrame] = {}

    def subjects(self, kinds: pl.Series, numbers: pl.Series) -> pl.DataFrame:
        """``subject_id``, ``scheme`` and ``masked`` of each row; null where kind and number do not make a subject."""
        schemes = kinds.replace_strict(self._schemes, default=None, return_dtype=pl.String)
        rows = pl.DataFrame({"scheme": schemes, "number": numbers})
        found = [
            self._known((scheme,), rows.filter(pl.col("scheme") == scheme)["number"])
            for scheme in sorted(set(self._schemes.values()))
        ]
        return _looked_up(rows, found, ["scheme", "number"])

    def references(self, numbers: pl.Series) -> pl.DataFrame:
        """The same of persons or bodies named in a field: whichever scheme accepts the number."""
        schemes = (*((self._pseudonyms,) if self._pseudonyms else SCHEMES), REFERENCE)
        return _looked_up(numbers.to_frame("number"), [self._known(schemes, numbers)], ["number"])

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

    def _known(self, schemes: tuple[str, ...], numbers: pl.Series) -> pl.DataFrame:
        """``KNOWN`` of the distinct numbers that one of ``schemes`` accepts, the first scheme first."""
        distinct = numbers.drop_nulls().unique().to_frame("number")
        before = self._remembered.get(schemes, pl.DataFrame(schema=KNOWN))
        known = distinct.join(before, on="number", how="left", maintain_order="left")
        fresh = known.filter(pl.col("subject_id").is_null())["number"]
        known = known.filter(pl.col("subject_id").is_not_null()).select(*KNOWN)
        if len(fresh) == 0:
            return known
        new = self._found(schemes, fresh)
        room = before.height + new.height <= REMEMBERED
        self._remembered[schemes] = pl.concat([before, new]) if room else new.head(REMEMBERED)
        return pl.concat([known, new])

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
        ids = self.identity.subject_ids(scheme, normal.to_list())
        return pl.DataFrame(
            {
                "number": numbers,
                "scheme": pl.repeat(scheme, len(numbers), dtype=pl.String, eager=True),
                "subject_id": pl.Series(ids, dtype=pl.String),
                "masked": normal if self._pseudonyms else masked_numbers(normal),
            }
        )

    def _unsealed(self, schemes: tuple[str, ...], tokens: pl.Series) -> pl.DataFrame:
        opened = [(token, self.identity.unseal(token)) for token in tokens]
        rows = [(token, *content) for token, content in opened if content and content[0] in schemes]
        return pl.DataFrame(rows, schema=KNOWN, orient="row")


def _looked_up(rows: pl.DataFrame, found: list[pl.DataFrame], keys: list[str]) -> pl.DataFrame:
    joined = rows.join(pl.concat(found), on=keys, how="left", maintain_order="left")
    return joined.select("subject_id", "scheme", "masked")
