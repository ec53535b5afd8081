"""Protected attributes: by law and by this house's rule they serve fairness audits alone."""

PROTECTED_FIELDS = frozenset({"head_sex", "head_birth_year", "village", "sex", "birth_year"})
