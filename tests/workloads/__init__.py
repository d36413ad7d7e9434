"""Workloads that are made here: the plan of the stack `lab`, and what becomes of it."""

from pathlib import Path
from typing import Final

LAB: Final = "lab"
"""The stack of the suite's owner that makes its workloads."""

CALLS: Final = Path(__file__).with_name("ci_calls.jsonl")
"""The record of what upstream provider code asked of AWS in CI's runs on that stack (tests/upstream), as
generators/ci_calls.jsonl has it of the other stacks."""
