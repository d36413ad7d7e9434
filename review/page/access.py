"""The page's data about access: each grant with the statement that gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from policies.least_privilege.access.holders import Holder, holders
from policies.least_privilege.access.inclusion import LEVELS, described, effective, units
from policies.least_privilege.access.readers import PARAMETERS, SECRETS, readings
from policies.least_privilege.access.report import holder_accesses, read_plan
from policies.least_privilege.language.conditions import Condition
from policies.least_privilege.language.documents import Statement, parse
from policies.least_privilege.stack.attached import documents
from policies.rulebook import Resource
from stackfiles.plan_document import PlanDocument, place

Readers = Mapping[str, Mapping[str, Sequence[str]]]
"""`secret` or `parameter` -> name or ARN -> names of the roles that should read it."""


def access(plan: PlanDocument, expected: Readers) -> dict[str, Any]:
    """Return the grants, the actual and expected readers, and what can't be decided."""
    resources = read_plan(cast(Any, plan))
    found = [holder for holder in holders(resources, inputs=True).values() if holder.kind != "denials"]
    written = _statements(resources)
    lines = {step["urn"]: step["newState"] for step in plan["steps"] if step.get("newState")}
    return {
        "grants": [
            {**grant, "line": _line(lines.get(grant["urn"], {}), grant["statement"])}
            for holder in found
            for grant in _grants(holder, written)
        ],
        "readers": [
            {
                "noun": store.noun,
                "name": one.name,
                "made": one.made,
                "readers": list(one.readers),
                "expected": _expected(expected.get(store.noun), one.name),
            }
            for store in (SECRETS, PARAMETERS)
            for one in readings(store, resources, found)
        ],
        "undecided": [f"{holder.name} {one.why}" for holder in found for one in holder_accesses(holder) if one.why],
    }


def _grants(holder: Holder, written: Mapping[Statement, Sequence[Resource]]) -> Iterator[dict[str, Any]]:
    """Yield a grant for each statement and resource: access level -> actions, and the conditions in words."""
    for allow in holder.allows:
        found: dict[tuple[str, tuple[Condition, ...]], dict[str, list[str]]] = {}
        for unit, mask in units(allow):
            for part in effective(holder, allow, unit, mask):
                for one in described(holder.name, unit, part[0], part):
                    levels = found.setdefault((one.resource, part[2]), {})
                    levels[one.level] = list(dict.fromkeys([*levels.get(one.level, []), *one.actions]))
        origin = _origin(holder, written.get(allow, ()))
        for (resource, conditions), levels in found.items():
            yield {
                "who": holder.name,
                "kind": holder.kind,
                "principal": holder.principal,
                "place": holder.place,
                "resource": resource,
                "levels": {level: levels[level] for level in LEVELS if level in levels},
                "conditions": list(dict.fromkeys(map(_words, conditions))),
                "statement": allow.where,
                "urn": origin.urn if origin else "",
            }


def _statements(resources: Sequence[Resource]) -> dict[Statement, list[Resource]]:
    """Return the statements with the resources that contain them."""
    found: dict[Statement, list[Resource]] = {}
    for resource in resources:
        for document in documents(resource):
            for statement in parse(document.text, document.kind).statements if document.text else ():
                found.setdefault(statement, []).append(resource)
    return found


def _origin(holder: Holder, resources: Sequence[Resource]) -> Resource | None:
    """Return the resource that contains a statement; if several do, the holder's own."""
    names = {holder.name, holder.place} - {""}
    own = (one for one in resources if names & {str(one.get("role")), str(one.get("name"))})
    return next(own, resources[0] if resources else None)


def _words(condition: Condition) -> str:
    qualifier = f"{condition.qualifier}:" if condition.qualifier else ""
    exists = "ifexists" if condition.if_exists else ""
    return f"{qualifier}{condition.operator}{exists} {condition.key}: {', '.join(condition.values)}"


def _line(state: Mapping[str, Any], statement: str) -> str:
    """Return `FILE:LINE` of a statement, or of the resource that contains it."""
    sid = statement.partition("(`")[2].partition("`")[0]
    lines = state.get("statementLines", {}).get(sid) or [state.get("sourcePosition", "")]
    return place(str(lines[0]))


def _expected(given: Mapping[str, Sequence[str]] | None, name: str) -> list[str] | None:
    """Return who should read a value; None if no list says so."""
    if given is None:
        return None
    return sorted(given.get(name, ()))
