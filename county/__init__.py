"""A synthetic county that knows each subject's true PD. Never mistake its records for real ones."""

from county.generate import Block, generate
from county.plan import CountyPlan

__all__ = ["Block", "CountyPlan", "generate"]
