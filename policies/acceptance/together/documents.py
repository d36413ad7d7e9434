"""The form of IAM documents: what IAM, S3 and Secrets Manager refuse as malformed, whoever it lets in.

Who is let in is what the least-privilege pack judges; it refuses what isn't JSON, too, where it judges the type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from policies.acceptance.together.reading import repeated
from policies.rulebook import Json, Resource

_GRAMMAR: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"
_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_TOP: Final = frozenset({"Version", "Id", "Statement"})
_FIELDS: Final = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_ACTION: Final = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")


@dataclass(frozen=True)
class Kind:
    """What each statement of a kind of document has to name, and may not name otherwise."""

    principal: bool
    resource: bool


_IDENTITY: Final = Kind(principal=False, resource=True)
_TRUST: Final = Kind(principal=True, resource=False)
_RESOURCE: Final = Kind(principal=True, resource=True)


def _documents(property_: str, kind: Kind, resource: Resource) -> Iterator[str]:
    written = resource.get(property_)
    if not isinstance(written, str):
        return
    try:
        document = json.loads(written)
    except ValueError:
        yield f"`{property_}` isn't JSON ({_GRAMMAR})."
        return
    if not isinstance(document, Mapping):
        yield f"`{property_}` isn't a JSON object ({_GRAMMAR})."
        return
    for problem in _problems(document, kind):
        yield f"`{property_}` {problem} ({_GRAMMAR})."


def _problems(document: Mapping[str, Json], kind: Kind) -> Iterator[str]:
    if unknown := sorted(document.keys() - _TOP):
        yield f"has {', '.join(unknown)}, which no document has"
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        yield f"has another version than {' or '.join(_VERSIONS)}"
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list):
        yield "has no list of statements"
        return
    named = [statement["Sid"] for statement in statements if isinstance(statement, Mapping) and statement.get("Sid")]
    for sid in repeated(sid for sid in named if isinstance(sid, str)):
        yield f"has the Sid {sid} twice"
    for number, statement in enumerate(statements):
        if isinstance(statement, Mapping):
            for problem in _of_statement(statement, kind):
                yield f"has a statement, number {number}, that {problem}"
        else:
            yield f"has a statement, number {number}, that isn't an object"


def _of_statement(statement: Mapping[str, Json], kind: Kind) -> Iterator[str]:
    if unknown := sorted(statement.keys() - _FIELDS):
        yield f"has {', '.join(unknown)}, which no statement has"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "has no Effect of Allow or Deny"
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in statement and other in statement:
            yield f"has {one} and {other}"
    if not statement.keys() & {"Action", "NotAction"}:
        yield "has no Action"
    for wanted, one in ((kind.principal, "Principal"), (kind.resource, "Resource")):
        named = bool(statement.keys() & {one, f"Not{one}"})
        if named != wanted:
            yield f"names a {one}, which a document of this kind doesn't" if named else f"names no {one}"
    sid = statement.get("Sid", "")
    if not kind.principal and not re.fullmatch("[A-Za-z0-9]*", sid if isinstance(sid, str) else "?"):
        yield "has a Sid of other than letters and digits"
    for key in ("Action", "NotAction"):
        actions = statement.get(key, [])
        for action in actions if isinstance(actions, list) else [actions]:
            if not (isinstance(action, str) and _ACTION.fullmatch(action)):
                yield f"has an {key} that isn't written service:action"


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:iam/policy:Policy": (partial(_documents, "policy", _IDENTITY),),
    "aws:iam/rolePolicy:RolePolicy": (partial(_documents, "policy", _IDENTITY),),
    "aws:iam/role:Role": (partial(_documents, "assumeRolePolicy", _TRUST),),
    "aws:s3/bucketPolicy:BucketPolicy": (partial(_documents, "policy", _RESOURCE),),
    "aws:secretsmanager/secretPolicy:SecretPolicy": (partial(_documents, "policy", _RESOURCE),),
}
"""Resource type -> what is asked about it."""
