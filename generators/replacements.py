"""The page about changes that can't be made in place."""

from __future__ import annotations

import copy
from typing import Final

from rehearsal.reports.changes import compare
from rehearsal.reports.consequences import IMPOSSIBLE, consequences
from rehearsal.reports.create_only import create_only
from stackfiles.plan_document import PlanDocument, State

_INTRODUCTION: Final = """# What is replaced

AWS and Cloudflare can't change every input of a resource in place: Pulumi replaces the resource instead. This page says
what a change of each such input does, for the types of production. It leaves out inputs that come from another
resource, because they change with that resource. A protected resource in production is never replaced; `make up`
refuses that too, before it applies anything.

If the program gives a resource its name, Pulumi's AWS provider has the old one deleted first, even if the name is
new. AWS doesn't delete a security group or target group that is in use. So their names depend on the inputs that can't
be changed, and with `delete_before_replace=False` Pulumi creates the new one first.

Resources outside this stack can refer to the load balancer's security group by its id: the security groups of the
applications, which admit it. As soon as the new group exists, admit it there instead of the old one. Until then, AWS
keeps the old group, and nobody can reach the applications through the new one.

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
    """Return what happens when an input of a resource changes, including its name if that follows from the input."""
    plan = copy.copy(base)
    follows = ("name",) if state.get("deleteBeforeReplace") is False else ()
    changed: State = {**state, "inputs": {**state["inputs"], **dict.fromkeys((name, *follows), "another")}}
    plan["steps"] = [{**step, "newState": changed} if step["urn"] == state["urn"] else step for step in base["steps"]]
    (change,) = compare(base, plan)
    if {told.kind for told in consequences([change], plan, base)} == {IMPOSSIBLE}:
        users = " or ".join(f"`{user}`" for user in create_only(state["type"]).get("used_by", ()))
        return f"`make up` refuses: the old one would be deleted first, and AWS keeps it while an {users} refers to it"
    if change.old_first:
        return "the old one is deleted, then a new one is created"
    return "a new one is created, then the old one is deleted"
