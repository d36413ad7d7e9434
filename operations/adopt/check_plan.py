"""`--check-plan`: checks that Terraform's next plan only forgets resources.

A plan contains secret values in clear text, so only its addresses and actions are shown. Format:
https://developer.hashicorp.com/terraform/internals/json-format#plan-representation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stackfiles import text_file
from stackfiles.failures import BadConfiguration

_ACCEPTED: Final = "accepted: what `terraform show -json PLAN` prints (format 1)"
_FORGETS: Final = ["forget"]
_NOTHING: Final = ["no-op"]
_WORDS: Final[Mapping[str, str]] = {
    "create": "created",
    "update": "changed",
    "delete": "destroyed",
    "read": "read",
    "forget": "forgotten",
}


@dataclass(frozen=True)
class PlanCheck:
    """The addresses that a plan forgets, and everything else that it would do."""

    forgotten: tuple[str, ...]
    problems: tuple[str, ...]


def load(file: str) -> Any:  # noqa: ANN401 - JSON
    """Read a plan from a file, or from standard input for `-`.

    Raises:
        BadConfiguration: it can't be read or isn't JSON. The message quotes nothing from it.
    """
    try:
        return json.loads(sys.stdin.read() if file == "-" else text_file.read(Path(file)))
    except (ValueError, RecursionError):
        raise BadConfiguration(f"{file} isn't JSON; {_ACCEPTED}") from None


def check(plan: Any, leaving: Collection[str] = ()) -> PlanCheck:  # noqa: ANN401 - JSON
    """Find what a plan does besides forgetting.

    Args:
        plan: The plan's document.
        leaving: Addresses that Terraform has to forget, if known. Those that it forgot earlier are fine too.

    Raises:
        BadConfiguration: it isn't a plan.
    """
    version = plan.get("format_version") if isinstance(plan, dict) else None
    changes = plan.get("resource_changes", []) if isinstance(plan, dict) else None
    if not str(version).startswith("1.") or "planned_values" not in plan or not isinstance(changes, list):
        raise BadConfiguration(f"this isn't a Terraform plan; {_ACCEPTED}")
    try:
        forgotten = tuple(str(one["address"]) for one in changes if one["change"]["actions"] == _FORGETS)
        problems = (*_whole_plan(plan), *_changes(changes), *_kept(changes, leaving))
    except (KeyError, TypeError, AttributeError):
        raise BadConfiguration(f"a change in the plan lacks its address or its actions; {_ACCEPTED}") from None
    return PlanCheck(forgotten, problems)


def _whole_plan(plan: Mapping[str, Any]) -> Iterator[str]:
    if plan.get("errored"):
        yield "the plan comes from a run that failed, so it is incomplete"
    if plan.get("complete") is False or plan.get("deferred_changes"):
        yield "the plan leaves resources out; make it without -target and -exclude"
    if plan.get("action_invocations"):
        yield "the plan invokes provider actions"


def _changes(changes: Collection[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the plan does to resources, besides forgetting them."""
    for one in changes:
        change, address = one["change"], one["address"]
        actions = change["actions"]
        if change.get("importing"):
            yield f"{address} would be imported"
        elif actions not in (_FORGETS, _NOTHING) and (actions != ["read"] or one["mode"] != "data"):
            words = [_WORDS.get(action, f"changed by `{action}`") for action in actions]
            yield f"{address} would be {' and '.join(words) or 'changed, but the plan names no action'}"


def _kept(changes: Collection[Mapping[str, Any]], leaving: Collection[str]) -> Iterator[str]:
    for one in changes:
        if one["address"] in leaving and one["change"]["actions"] == _NOTHING:
            yield f"{one['address']} was taken over, but Terraform keeps it"
