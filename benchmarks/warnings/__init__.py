"""Early warnings on the demo county, out of time, against its true hazard and against naive rules.

Who is warned: borrowers at risk at a month end, that is neither in default nor in distress then (30 days past due, a
non-performing loan, an open enforcement case or a listing as dishonest judgment debtor in force; known in hindsight,
because of distress that is already there no warning is early). What is to be foreseen: that distress begins. The
budget: 5% of those at risk. The model learns from what was known at the end of the month before the judged year;
nothing of the judged year has a say in it, nor in any of its settings.

Two games, in which the model, the true hazard and the naive rules play by the same rules:

``each month`` (the headline): at each month end of the judged year (the first list is that of the day before it)
whoever is at risk and above one level of risk is warned of, once; the level is the one at which 5% of all who are at
risk in the year are warned of in total. Recall is the share of subjects whose distress begins in the year that were
warned of before; the lead runs from the month end of the warning to the month in which distress begins; precision is
the share of warnings that come true before the year is over. Leads are cut short by the beginning of the year: an event
in its second month has a lead of two months at most, for the true hazard as well.

``one list`` (key ``one_list``): only at the last month end before the judged year, the 5% of highest risk are warned
of, and everybody is followed for 12 months.

The true hazard is the county's own probability of distress given the whole hidden state; of its three horizons the
one with the highest recall counts. What offices report of a month is on record some days after it, so the model never
sees the month whose end a list is made at: ``month_old_oracle_recall`` is what the true hazard of a month before
reaches. Naive rules are single facts that an officer reads in a file (``naive``); the best of them in hindsight counts.
``single_feature`` is a harder rival, no naive rule but still no model: the best in hindsight of all features of the
dictionary, each by itself, in its declared direction.
"""

from __future__ import annotations

from benchmarks.warnings.judging import run

__all__ = ["run"]

if __name__ == "__main__":
    run()
