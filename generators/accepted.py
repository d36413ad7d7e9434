"""The page that lists the properties whose values are checked against what AWS and Cloudflare accept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from policies.acceptance import coverage
from stackfiles.plan_document import PlanDocument

CASES: Final = Path(__file__).resolve().parent.parent / "tests" / "policies" / "acceptance"

_COUNTERPARTS: Final = """## Against the rules of cdk-preflight

cdk-preflight 1.9.1 (package index) has 3,361 rules for faults that schemas miss; {all} of them are about resource types
that the program or one of its options creates. {here} have a counterpart here, with a case that is refused and a
similar one that passes in `tests/policies/acceptance/cases.yaml`, or with an edit of the program's plan in
`breakages.yaml` beside it. `preflight.yaml` lists the others:

"""


def page(plans: Iterable[PlanDocument]) -> str:
    """Return the page for the resources of some plans."""
    states = [step["newState"] for plan in plans for step in plan["steps"] if "newState" in step]
    resources: list[tuple[str, Mapping[str, Any]]] = [(state["type"], state.get("inputs", {})) for state in states]
    return (
        "# What AWS and Cloudflare accept\n\nThis page lists every property that the stacks set, and the limits that "
        "the acceptance pack checks. A test fails when the program sets a property that isn't here. "
        f"{coverage.summary()}\n"
        "In a path, `*` stands for each element of a list or mapping, and `key` for a mapping's keys. A property with "
        "no limit beyond its type (a list, true or false) has no row. Rules about several properties or resources are "
        f"in [rules](rules.md#acceptance).\n\n{_counterparts()}\n{coverage.table(resources)}"
    )


def _counterparts() -> str:
    rows = [row for name in ("cases.yaml", "breakages.yaml") for row in _read(name)]
    here = {row["like"] for row in rows if "like" in row}
    reasons: Mapping[str, list[str]] = _read("preflight.yaml")["reasons"]
    left = [rule for rules in reasons.values() for rule in rules]
    services = Counter(rule.split("-")[1] for rule in here), Counter(rule.split("-")[1] for rule in left)
    lines = ["| rules | why they have no counterpart |", "| --- | --- |"]
    lines += [f"| {len(rules)} | {reason} |" for reason, rules in reasons.items()]
    lines += ["", "| service | with counterpart | without |", "| --- | --- | --- |"]
    lines += [
        f"| {service} | {services[0][service]} | {services[1][service]} |"
        for service in sorted(services[0] | services[1])
    ]
    text = _COUNTERPARTS.format(all=len(here) + len(left), here=len(here))
    return text + "\n".join(lines) + "\n"


def _read(name: str) -> Any:  # noqa: ANN401 - any YAML value
    return yaml.safe_load((CASES / name).read_text(encoding="utf-8"))
