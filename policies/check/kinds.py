"""Recognizes which kind a file is, and returns its resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from policies.check import cloudformation, policy_documents, pulumi_plans, terraform_plans
from policies.check.bad_input import BadInput
from policies.check.source import Source, Subject
from policies.least_privilege.language.documents import Kind

DOCUMENTS: Final[Mapping[str, Kind]] = {kind.name.lower(): kind for kind in Kind}
"""Name of a kind on the command line -> kind of document."""

PLANS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "pulumi": (pulumi_plans.is_plan, "a Pulumi plan (`pulumi preview --json`)"),
    "terraform": (terraform_plans.is_plan, "a Terraform plan (`terraform show -json PLAN`)"),
    "cloudformation": (cloudformation.is_template, "a CloudFormation template"),
}
"""Kind of a file with several resources -> the function that recognizes it, and what it is called in messages."""

ACCEPTED: Final = f"a policy document, {', '.join(title for _, title in PLANS.values())}"


@dataclass(frozen=True)
class Options:
    """How files are read. `kind` is one of `DOCUMENTS` or `PLANS`, empty to recognize it by the content.

    `role` is the role that all policy documents belong to, empty if each belongs to a role of its own.
    """

    kind: str = ""
    service: str = ""
    account: str = ""
    role: str = ""


class NothingToJudge(BadInput):
    """A file is of no kind that the command accepts."""


def subjects(source: Source, options: Options) -> tuple[list[Subject], bool]:
    """Return the resources of a file, and whether they are a whole stack.

    Raises:
        NothingToJudge: it is of no kind that the command accepts.
        BadInput: it is of an accepted kind, but can't be judged.
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
        # A file that breaks the format in any way fails as a whole, so that no part of it goes unjudged.
        raise BadInput(f"looks like {PLANS[found][1]}, but breaks that format") from None
    except RecursionError:
        raise BadInput("has values that refer to themselves, or are nested too deeply") from None


_READERS: Final[Mapping[str, Callable[[Source, str], list[Subject]]]] = {
    "pulumi": lambda source, _: pulumi_plans.subjects(source),
    "terraform": terraform_plans.subjects,
    "cloudformation": cloudformation.subjects,
}
