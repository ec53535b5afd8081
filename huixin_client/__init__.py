"""A typed client of the Huixin service, for Python programs of platforms, banks, agencies and regulators.

It needs httpx alone; none of the service's packages is imported. ``models`` and ``operations`` are made from the
service's OpenAPI document by ``python -m huixin.client_code``, and a test holds them to it.
"""

from __future__ import annotations

from huixin_client.caller import Problem
from huixin_client.client import HuixinClient

__all__ = ["HuixinClient", "Problem"]
