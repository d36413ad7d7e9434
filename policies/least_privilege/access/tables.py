"""The access of a stack as a page: first who reads which secret, then what each role can do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from policies.least_privilege.access.holders import Holder, holders
from policies.least_privilege.access.inclusion import LEVELS, Access
from policies.least_privilege.access.readers import PARAMETERS, SECRETS, Store, readings
from policies.least_privilege.access.report import holder_accesses, read_plan
from policies.least_privilege.access.sentences import shown
from policies.least_privilege.language.documents import Json
from policies.rulebook import Resource

_INTRODUCTION = """\
# Who may do what

From the policies of the plan: identity policies within their boundaries, trust policies and resource policies.
"""


def page(plan: Json) -> str:
    """Return the access of a stack as a page of the documentation.

    Raises:
        NotAPlan: what is given isn't a plan.
    """
    resources = read_plan(plan)
    found = list(holders(resources, inputs=True).values())
    own = [(holder, holder_accesses(holder)) for holder in found if holder.kind in ("role", "user", "policy")]
    # Narrow roles come first: those of CI fill pages, and few people look for them.
    own.sort(key=lambda pair: len(pair[1]))
    let_in = [(holder, holder_accesses(holder)) for holder in found if holder.kind == "resource"]
    unclear = [f"- `{holder.name}` {one.why}.\n" for holder in found for one in holder_accesses(holder) if one.why]
    sections = [
        *_readers(SECRETS, resources, found),
        *_readers(PARAMETERS, resources, found),
        _table("Who can assume each role", ("role", "who"), _trusted(found)),
        _table("What each role can do", ("who", "service", "may", "what"), _rows(own)),
        _table("Whom resource policies let in", ("who", "service", "may", "what"), _rows(let_in)),
        "\n## Not decided\n\n" + "".join(unclear) if unclear else "",
    ]
    return _INTRODUCTION + "".join(sections)


def _readers(store: Store, resources: Sequence[Resource], found: Sequence[Holder]) -> Iterator[str]:
    """Yield who reads each value: first of those that the stack creates, then of others that it names."""
    read = readings(store, resources, found)
    for made, title in ((True, f"Who reads each {store.noun}"), (False, f"Who reads {store.noun}s made elsewhere")):
        rows = [
            (f"`{one.name}`", "<br>".join(f"`{name}`" for name in one.readers) or "nobody")
            for one in read
            if one.made == made
        ]
        yield _table(title, (store.noun, "read by"), rows)


def _trusted(found: Iterable[Holder]) -> Iterator[Sequence[str]]:
    trusting: dict[str, dict[str, None]] = defaultdict(dict)
    for holder in found:
        if holder.kind == "trust" and holder.allows:
            always = any(not statement.conditions for statement in holder.allows)
            kind, _, arn = holder.principal.rpartition(" ")
            who = f"{shown(arn)}{f' ({kind.lower()})' if kind else ''}{'' if always else ', under a condition'}"
            trusting[holder.place][who] = None
    # Roles that the same principals can assume share a row.
    roles: dict[str, list[str]] = defaultdict(list)
    for role, principals in trusting.items():
        roles["<br>".join(principals)].append(f"`{role}`")
    return (("<br>".join(names), who) for who, names in roles.items())


def _rows(given: Iterable[tuple[Holder, Sequence[Access]]]) -> Iterator[Sequence[str]]:
    """Yield a row for each holder, service and set of resources with the same access levels."""
    for holder, found in given:
        levels: dict[tuple[str, str, bool], dict[str, None]] = defaultdict(dict)
        for one in found:
            if not one.why:
                levels[one.actions[0].partition(":")[0], one.resource, one.conditional][one.level] = None
        rows: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
        for (service, resource, conditional), kinds in levels.items():
            ordered = ", ".join(level.lower() for level in LEVELS if level in kinds)
            rows[service, ordered, conditional].append(shown(resource))
        who = f"`{holder.name}`"
        for (service, ordered, conditional), places in rows.items():
            condition = ", under a condition" if conditional else ""
            yield who, service, ordered + condition, "<br>".join(dict.fromkeys(places))
            who = ""


def _table(title: str, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a section with a Markdown table; empty if there are no rows."""
    lines = [*rows]
    if not lines:
        return ""
    rows = (heading, ["---"] * len(heading), *lines)
    return f"\n## {title}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
