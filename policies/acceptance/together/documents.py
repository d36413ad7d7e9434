"""The form of IAM documents: what IAM, S3 and Secrets Manager refuse as malformed.

The least-privilege pack judges what a document allows. It also refuses documents that aren't JSON, in types that it
judges.
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
_CONDITIONS: Final = (
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html"
)
_NUMBER: Final = r"-?\d+(\.\d+)?"
_ARN: Final = r"(\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+)"
_DATE: Final = r"\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?|\d+"
_ADDRESS: Final = r"[0-9a-fA-F:.]+(/\d{1,3})?"
_ORDERED: Final = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
_TEXTS: Final = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
_OPERATORS: Final = {
    **{f"String{word}": r"(?s:.*)" for word in _TEXTS},
    **{f"Numeric{word}": _NUMBER for word in _ORDERED},
    **{f"Date{word}": _DATE for word in _ORDERED},
    **{f"Arn{word}": _ARN for word in ("Equals", "NotEquals", "Like", "NotLike")},
    **dict.fromkeys(("IpAddress", "NotIpAddress"), _ADDRESS),
    **dict.fromkeys(("Bool", "Null"), r"(?i:true|false)"),
    "BinaryEquals": r"[A-Za-z0-9+/]*={0,2}",
}
"""Condition operator -> the form of its values."""

_GLOBAL: Final = ("s3", "iam", "route53")
"""Services whose ARNs don't name a Region
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)."""

_BUCKET_ACTIONS: Final = ("s3:ListBucket", "s3:GetBucket", "s3:PutBucket", "s3:DeleteBucket", "s3:GetLifecycle")
_OBJECT_ACTIONS: Final = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:RestoreObject",
)
"""Beginnings of S3's actions for buckets, and for objects
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/security_iam_service-with-iam.html)."""


@dataclass(frozen=True)
class Kind:
    """A kind of document: whether its statements must have a principal and a resource, or must not have them."""

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
        yield f"has {', '.join(unknown)}, which isn't a key of a document"
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        yield f"has another version than {' or '.join(_VERSIONS)}"
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, Mapping) else statements
    if not isinstance(statements, list) or not statements:
        yield "has no statements"
        return
    named = [statement["Sid"] for statement in statements if isinstance(statement, Mapping) and statement.get("Sid")]
    for sid in repeated(sid for sid in named if isinstance(sid, str)):
        yield f"has the Sid {sid} twice"
    for number, statement in enumerate(statements):
        if isinstance(statement, Mapping):
            for problem in _statement_problems(statement, kind):
                yield f"has an invalid statement, number {number}: it {problem}"
        else:
            yield f"has an invalid statement, number {number}: it isn't an object"


def _statement_problems(statement: Mapping[str, Json], kind: Kind) -> Iterator[str]:
    if unknown := sorted(statement.keys() - _FIELDS):
        yield f"has {', '.join(unknown)}, which isn't a key of a statement"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield "has neither the Effect Allow nor Deny"
    for one, other in (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")):
        if one in statement and other in statement:
            yield f"has both {one} and {other}"
    if not _listed(statement, "Action") and not _listed(statement, "NotAction"):
        yield "has no Action"
    for key in ("Resource", "NotResource"):
        if statement.get(key) == []:
            yield f"has an empty {key}"
    for wanted, one in ((kind.principal, "Principal"), (kind.resource, "Resource")):
        named = bool(statement.keys() & {one, f"Not{one}"})
        if named != wanted:
            yield f"names a {one}, which this kind of document can't" if named else f"names no {one}"
    sid = statement.get("Sid", "")
    if not kind.principal and not re.fullmatch("[A-Za-z0-9]*", sid if isinstance(sid, str) else "?"):
        yield "has a Sid with characters other than letters and digits"
    for key in ("Action", "NotAction"):
        for action in _listed(statement, key):
            if not (isinstance(action, str) and _ACTION.fullmatch(action)):
                yield f"has a value of {key} that isn't of the form service:action"
            elif kind is _TRUST and not action.lower().startswith("sts:"):
                yield f"has the {key} {action}, but a trust policy can have only actions of sts"
    for key in ("Resource", "NotResource"):
        for resource in _listed(statement, key):
            yield from _resource(resource, key)
    yield from _principals(statement.get("Principal", {}))
    yield from _conditions(statement.get("Condition", {}))


def _listed(statement: Mapping[str, Json], key: str) -> list[Json]:
    found = statement.get(key, [])
    return found if isinstance(found, list) else [found]


def _resource(resource: Json, key: str) -> Iterator[str]:
    if resource == "*":
        return
    # A colon in a variable doesn't separate parts.
    parts = re.sub(r"\$\{[^}]*\}", "x", resource).split(":", 5) if isinstance(resource, str) else []
    if len(parts) != 6 or parts[0] != "arn" or not parts[5]:
        yield f"has a {key} that is neither an ARN of six parts nor *"
    elif set("*?") & set(parts[2]):
        yield f"has a {key} with a wildcard for the service"
    elif parts[2] in _GLOBAL and parts[3] not in ("", "*"):
        yield f"has a {key} of {parts[2]} with a Region, which such ARNs don't have"


def _principals(principals: Json) -> Iterator[str]:
    if principals == "*":
        return
    if not isinstance(principals, Mapping):
        yield "has a Principal that is neither an object nor *"
        return
    for kind in principals:
        if kind not in _PRINCIPALS:
            yield f"has a Principal of the kind {kind}, which doesn't exist ({_PRINCIPAL})"
            continue
        for principal in _listed(principals, kind):
            if not (isinstance(principal, str) and re.fullmatch(_PRINCIPALS[kind], principal)):
                yield f"has a Principal of the kind {kind} that is malformed ({_PRINCIPAL})"


_PRINCIPAL: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"
_PRINCIPALS: Final = {
    "AWS": r"\*|\d{12}|A[A-Z0-9]{15,}|arn:aws[a-z-]*:(iam|sts)::(\d{12}|cloudfront):"
    r"(root|(user|role|assumed-role|federated-user)/[^*?]+)",
    "CanonicalUser": r"[0-9a-f]{64}",
    "Federated": r"arn:aws[a-z-]*:iam::\d{12}:(oidc|saml)-provider/[^*?]+|[a-z0-9.-]+\.[a-z]+",
    "Service": r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com(\.cn)?",
}
"""Kind of principal -> its form."""


def _conditions(conditions: Json) -> Iterator[str]:
    if not isinstance(conditions, Mapping):
        yield "has a Condition that isn't an object"
        return
    for written, keys in conditions.items():
        operator = re.sub(r"^(ForAllValues|ForAnyValue):", "", written)
        operator = operator if operator.startswith("Null") else operator.removesuffix("IfExists")
        if operator not in _OPERATORS:
            yield f"has the condition operator {written}, which doesn't exist ({_CONDITIONS})"
        elif not isinstance(keys, Mapping):
            yield f"has the condition {written}, which isn't an object"
        else:
            yield from _values(written, _OPERATORS[operator], keys)


def _values(operator: str, form: str, keys: Mapping[str, Json]) -> Iterator[str]:
    for key, values in keys.items():
        for value in values if isinstance(values, list) else [values]:
            plain = str(value).lower() if isinstance(value, bool) else value
            if not isinstance(plain, str | int | float):
                yield f"has a value of {key} under {operator} that is neither a text, a number nor a boolean"
            elif "${" not in str(plain) and not re.fullmatch(form, str(plain)):
                yield f"has a value of {key} under {operator} that doesn't fit the operator ({_CONDITIONS})"


def _bucket(resource: Resource) -> Iterator[str]:
    bucket, written = resource.get("bucket"), resource.get("policy")
    try:
        document = json.loads(written) if isinstance(written, str) else {}
    except ValueError:
        return
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    for number, statement in enumerate(statements if isinstance(statements, list) else [statements]):
        if not isinstance(statement, Mapping):
            continue
        named = [one.split(":", 5)[-1] for one in _listed(statement, "Resource") if isinstance(one, str)]
        if isinstance(bucket, str) and any(one != "*" and one.partition("/")[0] != bucket for one in named):
            yield f"`policy` has a statement (number {number}) with a Resource outside its bucket ({_BUCKET})."
        actions = [one for one in _listed(statement, "Action") if isinstance(one, str)]
        objects = any("/" in one or one == "*" for one in named)
        buckets = any("/" not in one for one in named)
        for action in actions:
            if named and (
                (action.startswith(_OBJECT_ACTIONS) and not objects)
                or (action.startswith(_BUCKET_ACTIONS) and not buckets)
            ):
                yield f"`policy` has a statement (number {number}) with {action} for none of its resources ({_BUCKET})."


_BUCKET: Final = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html"


def _tags(resource: Resource) -> Iterator[str]:
    tags = resource.get("tags")
    for key in repeated(key.lower() for key in tags) if isinstance(tags, Mapping) else ():
        yield f"`tags` has {key} twice; IAM ignores the case of tag keys ({_TAGS})."


_TAGS: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"


def _path(resource: Resource) -> Iterator[str]:
    path = resource.get("path")
    if isinstance(path, str) and path.startswith("/aws-service-role/"):
        yield f"`path` is reserved for service-linked roles ({_QUOTAS})."


_QUOTAS: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"


CHECKS: Final[Mapping[str, tuple[Callable[[Resource], Iterable[str]], ...]]] = {
    "aws:iam/policy:Policy": (partial(_documents, "policy", _IDENTITY), _path, _tags),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": (_tags,),
    "aws:iam/rolePolicy:RolePolicy": (partial(_documents, "policy", _IDENTITY),),
    "aws:iam/role:Role": (partial(_documents, "assumeRolePolicy", _TRUST), _path, _tags),
    "aws:s3/bucketPolicy:BucketPolicy": (partial(_documents, "policy", _RESOURCE), _bucket),
    "aws:secretsmanager/secretPolicy:SecretPolicy": (partial(_documents, "policy", _RESOURCE),),
}
"""Resource type -> its checks."""
