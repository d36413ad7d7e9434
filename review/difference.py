"""Shows in a terminal what a working copy changes: resources, violations, and who is allowed to do what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from policies.least_privilege.access.inclusion import Access
from policies.least_privilege.access.report import accesses, difference, lost
from policies.least_privilege.access.requests import widen
from policies.least_privilege.access.sentences import sentences
from policies.least_privilege.language import patterns
from rehearsal.reports import since_last
from review.compared import Compared
from stackfiles.plan_document import PlanDocument


def text(stack: str, compared: Compared) -> str:
    """Return the report."""
    lines = [f"{stack} against {compared.against}", since_last.text(compared.base, compared.plan)]
    if compared.base is None:
        lines.append("The base has no such stack, so all of it is new.")
    else:
        lines += changed_access(compared.base, compared.plan) or ["Nobody's access changes."]
    return "\n".join(lines) + "\n"


def changed_access(base: PlanDocument, plan: PlanDocument) -> Sequence[str]:
    """Return sentences about access that a plan adds to the base, then about access that it takes away."""
    before, after = cast(Any, base), cast(Any, plan)
    taken = lost(before, after)
    left = accesses(after) if taken else []
    narrowed = [one for one in taken if any(_meet(one, other) for other in left)]
    return [
        *sentences(difference(before, after)),
        *sentences((one for one in taken if one not in narrowed), "This change no longer lets"),
        *sentences(narrowed, "Only in part or under a condition, this change still lets"),
    ]


def _meet(one: Access, other: Access) -> bool:
    """Return whether two accesses overlap: the same holder, a common action, and resources that can be the same."""
    return (
        one.holder == other.holder
        and bool(set(one.actions) & set(other.actions))
        and patterns.intersects(widen(one.resource), widen(other.resource))
    )
