"""Workloads that are made here: the plan of the stack `lab`, and what becomes of it."""

from typing import Final

LAB: Final = "lab"
"""The stack of the suite's owner that makes its workloads."""
