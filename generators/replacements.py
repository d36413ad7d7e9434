"""The page that tells what a change does that can't be made in place."""

from __future__ import annotations

import copy
from typing import Final

from rehearsal.reports.changes import compare
from rehearsal.reports.consequences import IMPOSSIBLE, consequences
from rehearsal.reports.create_only import create_only
from stackfiles.plan_document import PlanDocument, State

_INTRODUCTION: Final = """# What is replaced

AWS and Cloudflare can't change every input of a resource in place: a new resource is made instead. This is what a
change of each such input does, for the types of production. An input that comes from another resource isn't here: it
changes with that one. What is protected in production is never replaced; `make up` refuses that too, before it applies
anything.

Where the program gives a resource its name, Pulumi's AWS provider has the old one deleted first, even if the name is
new. AWS deletes no security group and no target group that is in use. So their names follow from what can't be changed,
and `delete_before_replace=False` has the new one made first.

What is outside of this stack may refer to the load balancer's security group by its id: the security groups of the
applications, which let it in. Let the new one in there as soon as it is made, and the old one no longer: AWS keeps the
old one until then, and nobody reaches the applications through the new one.

"""


def page(plan: PlanDocument) -> str:
    """Return the page for the resource types of a plan."""
    base = copy.deepcopy(plan)
    first: dict[str, State] = {}
    for step in base["steps"]:
        if state := step.get("newState"):
            state["protect"] = False
            first.setdefault(state["type"], state)
    rows: dict[tuple[str, str], list[str]] = {}
    for type_, state in sorted(first.items()):
        made = {name for name, urns in state.get("propertyDependencies", {}).items() if urns}
        given = {*state.get("inputs", {})} - made
        for name in create_only(type_).get("replaces", ()):
            if name in given:
                rows.setdefault((type_, _outcome(base, state, name)), []).append(f"`{name}`")
    lines = ["| type | a change of | what happens |", "| --- | --- | --- |"]
    lines += [f"| `{type_}` | {', '.join(names)} | {outcome} |" for (type_, outcome), names in rows.items()]
    return _INTRODUCTION + "\n".join(lines) + "\n"


def _outcome(base: PlanDocument, state: State, name: str) -> str:
    """Return what happens when an input of a resource changes; where the name follows from it, that changes too."""
    plan = copy.copy(base)
    follows = ("name",) if state.get("deleteBeforeReplace") is False else ()
    changed: State = {**state, "inputs": {**state["inputs"], **dict.fromkeys((name, *follows), "another")}}
    plan["steps"] = [{**step, "newState": changed} if step["urn"] == state["urn"] else step for step in base["steps"]]
    (change,) = compare(base, plan)
    if {told.kind for told in consequences([change], plan, base)} == {IMPOSSIBLE}:
        users = " or ".join(f"`{user}`" for user in create_only(state["type"]).get("used_by", ()))
        return f"`make up` refuses: the old one would go first, and AWS keeps it while an {users} refers to it"
    if change.old_first:
        return "the old one goes first, then a new one is made"
    return "a new one is made, then the old one goes"
