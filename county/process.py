"""The hidden process: health, missed payments, default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from county.plan import Nature

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

PAYING, STOPPED, STOPPED_TWO, DEFAULTED = 0, 1, 2, 3


@dataclass(frozen=True)
class History:
    """What really happened to the subjects of a block, month by month.

    ``health`` [n, months]: static mean plus dynamic part. ``dynamic`` [n, months]. ``status`` [n, months]: PAYING,
    STOPPED (first month), STOPPED_TWO, DEFAULTED. ``entered`` [n]: first month in which the subject exists.
    ``default_month`` [n]: month of default, or -1.
    """

    health: Floats
    dynamic: Floats
    static: Floats
    status: Ints
    entered: Ints
    default_month: Ints


def shared_shocks(nature: Nature, groups: int, months: int, rng: np.random.Generator) -> Floats:
    """Paths [groups, months] of the shocks that a sector or a village shares, started in their stationary law."""
    sd = nature.dynamic_sd * np.sqrt(nature.shared_share)
    paths = np.empty((groups, months))
    state = rng.normal(0, sd, groups)
    for month in range(months):
        state = nature.persistence * state + rng.normal(0, sd * np.sqrt(1 - nature.persistence**2), groups)
        paths[:, month] = state
    return paths


def live(
    nature: Nature, shocks: Floats, entered: Ints, partner: Ints, burn_in: int, rng: np.random.Generator
) -> History:
    """Run a block of subjects through the months of ``shocks`` [n, burn_in + months].

    ``partner`` [n]: a guarantor's position in the block, or -1; a default hurts the health of the partner.
    Nobody defaults before entering. Who defaults or closes during the burn-in makes room for a newcomer, so that the
    first observed month finds the mixture of strong and weak that such a coming and going keeps: were everybody new
    then, the default rate would halve within a year, because the weak leave first.
    """
    n, months = shocks.shape
    own_sd = nature.dynamic_sd * np.sqrt(1 - nature.shared_share)
    static: Floats = np.asarray(rng.normal(0, nature.static_sd, n))
    own: Floats = np.asarray(rng.normal(0, own_sd, n))
    status = np.zeros(n, np.int64)
    default_month = np.full(n, -1, np.int64)
    observed = months - burn_in
    dynamic, statuses = np.empty((n, observed)), np.empty((n, observed), np.int64)
    for step in range(months):
        own = np.asarray(nature.persistence * own + rng.normal(0, own_sd * np.sqrt(1 - nature.persistence**2), n))
        month = step - burn_in
        at_risk = month >= np.where(entered > 0, entered, -burn_in)
        stops = rng.random(n) < stopping_probability(nature, static + own + shocks[:, step])
        resumes = rng.random(n) < nature.cure
        before = status
        status = np.where(at_risk & (before == PAYING) & stops, STOPPED, before)
        late = (before == STOPPED) | (before == STOPPED_TWO)
        status = np.where(late & resumes, PAYING, np.where(late, before + 1, status))
        new = (status == DEFAULTED) & (before != DEFAULTED)
        hurt = partner[new]
        np.subtract.at(own, hurt[hurt >= 0], nature.contagion)
        if month < 0:
            gone = new | (rng.random(n) < nature.closing)
            static = np.where(gone, rng.normal(0, nature.static_sd, n), static)
            own = np.where(gone, rng.normal(0, own_sd, n), own)
            status = np.where(gone, PAYING, status)
        else:
            default_month[new] = month
            dynamic[:, month] = own + shocks[:, step]
            statuses[:, month] = status
    return History(static[:, None] + dynamic, dynamic, static, statuses, entered, default_month)


def stopping_probability(nature: Nature, health: Floats) -> Floats:
    """Probability that a subject of this health stops paying this month."""
    return np.asarray(1 / (1 + np.exp(-(nature.base - health))), np.float64)


def early_enforcement_rate(health: Floats) -> Floats:
    """Monthly rate of enforcement cases that come before any missed payment."""
    return np.asarray(np.exp(-7.2 - 0.75 * health), np.float64)
