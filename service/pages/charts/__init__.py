"""ECharts options as plain data, in one language at a time.

A string that starts with ``--`` is a CSS variable of the page, and one that starts with ``=`` names a function of
``page.js``; the page's script puts in what they stand for.
"""

from service.pages.charts.waterfall import waterfall_steps

__all__ = ["waterfall_steps"]
