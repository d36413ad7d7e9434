"""Workloads that a stack itself creates: the plan of the stack `lab`, and how it runs."""

from pathlib import Path
from typing import Final

LAB: Final = "lab"
"""The stack of the suite's owner that creates its workloads."""

CALLS: Final = Path(__file__).with_name("ci_calls.jsonl")
"""The record of upstream provider code's requests to AWS in CI's runs on that stack (tests/upstream), like
generators/ci_calls.jsonl for the other stacks."""
