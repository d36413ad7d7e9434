"""What a working copy changes, for a terminal: resources, what the packs say, and who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from policies.least_privilege.access.report import difference
from policies.least_privilege.access.sentences import sentences
from rehearsal.reports import since_last
from review.compared import Compared
from stackfiles.plan_document import PlanDocument


def text(stack: str, compared: Compared) -> str:
    """Return the report."""
    lines = [f"{stack} against {compared.against}", since_last.text(compared.base, compared.plan)]
    if compared.base is None:
        lines.append("The base has no such stack: all of it is new.")
    else:
        lines += new_access(compared.base, compared.plan) or ["No new access."]
    return "\n".join(lines) + "\n"


def new_access(base: PlanDocument, plan: PlanDocument) -> Sequence[str]:
    """Return what a plan lets whom do that the base doesn't, in sentences."""
    return sentences(difference(cast(Any, base), cast(Any, plan)))
