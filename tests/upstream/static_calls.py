"""A second source for the provider's calls: the published tool iam-policy-autopilot analyzed the provider's code.

    python -m tests.upstream.static_calls PROGRAM [TYPE…]

writes `static_calls.json` again, for the types of the record of planned answers, and the file of `tests/workloads`, for
the types that it has and those given. PROGRAM is the tool's command, from the package index's `iam-policy-autopilot`.
The tool knows calls that no scenario reaches. Its input is a plan.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from rehearsal.engine import planned_inputs
from tests.upstream.terraform_types import terraform_name

RECORD: Final = Path(__file__).with_name("static_calls.json")
WORKLOADS: Final = Path(__file__).parent.parent / "workloads" / "static_calls.json"
"""The record for types that exist only in a stack that creates its workloads."""
ACTIONS: Final = ("create", "update", "delete")


@cache
def types(record: Path = RECORD) -> Mapping[str, Sequence[str]]:
    """Return Terraform type -> the calls, each `service Operation`, that its code may make."""
    found: Mapping[str, Sequence[str]] = json.loads(record.read_text())["calls"]
    return found


@cache
def calls(record: Path = RECORD) -> Mapping[str, frozenset[str]]:
    """Return `service Operation` -> the Terraform types whose code may call it."""
    found: dict[str, set[str]] = {}
    for type_, operations in types(record).items():
        for operation in operations:
            found.setdefault(operation, set()).add(type_)
    return {operation: frozenset(types) for operation, types in found.items()}


def _plan(type_: str, action: str) -> dict[str, Any]:
    """Return a plan in Terraform's JSON with one change of one resource."""
    resource = {"name": "x", "tags": {"a": "b"}}
    change = {
        "actions": [action],
        "before": None if action == "create" else resource,
        "after": None if action == "delete" else resource,
        "after_unknown": {},
    }
    provider = "registry.terraform.io/hashicorp/aws"
    row = {"address": f"{type_}.x", "mode": "managed", "type": type_, "name": "x", "provider_name": provider}
    return {"format_version": "1.2", "resource_changes": [{**row, "change": change}]}


def _analyze(program: str, type_: str, file: Path) -> list[str]:
    """Return every call that the provider's code for a type may make."""
    found: set[str] = set()
    for action in ACTIONS:
        file.write_text(json.dumps(_plan(type_, action)))
        done = subprocess.run([program, "extract-sdk-calls", str(file)], capture_output=True, text=True, check=True)
        for call in json.loads(done.stdout):
            found.update(f"{service} {call['Name']}" for service in call["PossibleServices"])
    return sorted(found)


def main() -> None:
    """Write the records."""
    program, *more = sys.argv[1:]
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    planned = {terraform_name(type_) for type_ in planned_inputs.record(planned_inputs.RECORD)}
    with tempfile.TemporaryDirectory() as folder:
        for record, wanted in ((RECORD, planned), (WORKLOADS, {*types(WORKLOADS), *more} - planned)):
            found = {type_: _analyze(program, type_, Path(folder) / "plan.json") for type_ in sorted(wanted)}
            record.write_text(
                json.dumps({"source": f"iam-policy-autopilot {version}", "calls": found}, indent=1) + "\n"
            )


if __name__ == "__main__":
    main()
