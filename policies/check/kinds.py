"""Which kind a file is, and what of it the pack judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from policies.check import cloudformation, policy_documents, pulumi_plans, terraform_plans
from policies.check.bad_input import BadInput
from policies.check.source import Source, Subject
from policies.least_privilege.language.documents import Kind

DOCUMENTS: Final[Mapping[str, Kind]] = {kind.name.lower(): kind for kind in Kind}
"""Kind of a document by the name that the command takes."""

PLANS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "pulumi": (pulumi_plans.is_plan, "a plan of Pulumi: `pulumi preview --json`"),
    "terraform": (terraform_plans.is_plan, "a plan of Terraform: `terraform show -json PLAN`"),
    "cloudformation": (cloudformation.is_template, "a CloudFormation template"),
}
"""Kind of a file with several resources -> how it is told, and what it is."""

ACCEPTED: Final = f"a policy document, {', '.join(title for _, title in PLANS.values())}"


@dataclass(frozen=True)
class Options:
    """How files are read. `kind` is one of `DOCUMENTS` or `PLANS`, empty to tell it by the content.

    `role` is the role that has all policy documents, empty if each file is about another.
    """

    kind: str = ""
    service: str = ""
    account: str = ""
    role: str = ""


class NothingToJudge(BadInput):
    """A file is none of what the command takes."""


def subjects(source: Source, options: Options) -> tuple[list[Subject], bool]:
    """Return what a file holds, and whether it is a whole stack.

    Raises:
        NothingToJudge: it is none of what the command takes.
        BadInput: it is, but can't be judged.
    """
    content = source.content
    if options.kind in DOCUMENTS or (not options.kind and policy_documents.is_document(content)):
        kind = DOCUMENTS.get(options.kind)
        role = options.role or source.name
        return [policy_documents.subject(source, kind, options.service, options.account, role)], False
    kinds = [options.kind] if options.kind else list(PLANS)
    found = next((kind for kind in kinds if PLANS[kind][0](content)), None)
    if found is None:
        accepted = PLANS[options.kind][1] if options.kind else ACCEPTED
        raise NothingToJudge(f"holds nothing to judge; accepted: {accepted}")
    try:
        return _READERS[found](source, options.account), True
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # Whatever it is that the format doesn't have: nothing of the file passes unseen.
        raise BadInput(f"isn't what it seems, {PLANS[found][1]}: it breaks that format") from None
    except RecursionError:
        raise BadInput("has values that refer to themselves, or are nested too deeply") from None


_READERS: Final[Mapping[str, Callable[[Source, str], list[Subject]]]] = {
    "pulumi": lambda source, _: pulumi_plans.subjects(source),
    "terraform": terraform_plans.subjects,
    "cloudformation": cloudformation.subjects,
}
