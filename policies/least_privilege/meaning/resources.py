"""What a resource pattern of a policy means for a service: the types of resource that it reaches, in part or wholly.

ARN formats come from the service authorization reference, see `knowledge`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from policies.least_privilege import knowledge
from policies.least_privilege.language import patterns

_PARTITION: Final = re.compile(r"aws(?:-cn|-us-gov|-iso(?:-[a-z])?|-eusc)?")
_PARTITIONS: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
    "eusc-": "aws-eusc",
}
"""How a region's name begins -> its partition; all other regions are in `aws`
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)."""
REGION: Final = (
    r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov|us-iso[bf]?|eu-isoe|eusc-[a-z]{2})-"
    r"(?:central|(?:north|south)?(?:east|west)|north|south)-\d"
)
"""The name of a region, as a regular expression
(https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html)."""
_REGION: Final = re.compile(REGION)
_ACCOUNT: Final = re.compile(r"\d{12}|aws|aws-managed|cloudfront|aws-marketplace|third-party|amazon|tgw-peering")
_BEGINNINGS: Final = {4: re.compile(r"[a-z]{0,2}(?:-[a-z0-9-]*)?"), 5: re.compile(r"\d{0,12}|aws")}
"""Number of parts in a shortened ARN -> how the last one, a region or an account, may begin."""
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")

_CALLER_VARIABLE: Final = re.compile(
    r"(?:aws:(?:username|userid|principal(?:tag/[^,]+|account|orgid|arn)|sourceidentity|federatedprovider)"
    r"|[a-z0-9.-]+\.[a-z]{2,}(?:/[^:]*)?:(?:sub|id|user_id|app_id|aud)|saml:[a-z]+|iot:[a-z.]+|transfer:[a-z]+"
    r"|ec2:sourceinstancearn|s3:(?:existingobjecttag|bucketname)[^,]*|aws:resourceaccount|aws:(?:ec2instance)?source[a-z]+)"
    r"(?:\s*,.*)?",
    re.IGNORECASE,
)
"""Policy variables that stand for who the caller is. Callers choose the values of all others, which count as `*`."""


def region_partition(region: str) -> str:
    """Return the partition that a region belongs to.

    >>> region_partition("eu-west-1"), region_partition("cn-north-1")
    ('aws', 'aws-cn')
    """
    return next((partition for begin, partition in _PARTITIONS.items() if region.startswith(begin)), "aws")


_NO_SLASH: Final = frozenset(
    tuple(kind.split("/"))
    for kind in """
        s3/bucket s3/accesspoint dynamodb/table sqs/queue sns/topic codecommit/repository codepipeline/pipeline
        codepipeline/stage codepipeline/action
    """.split()
)
"""Types (service, name) whose names can't hold a slash. Most other names can."""

_EMPTY_SEGMENT: Final = {("codeartifact", "package"): "package/?*/?*/?*/*/?*"}
"""Type (service, name) -> its name where a segment may be empty: packages of PyPI and NuGet have no namespace
(https://docs.aws.amazon.com/codeartifact/latest/ug/python-name-normalization.html)."""

_BUCKET_ARNS: Final = frozenset(f"arn:{partition}:s3" for partition in ("aws", *_PARTITIONS.values()))
_API: Final = "execute-api:/"
"""How the policy of an API may begin the ARN of that API
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html)."""
_SECRET: Final = ("secretsmanager", "Secret")
_SUFFIX: Final = re.compile(r"-[A-Za-z0-9]{6}$|\$$")
"""The end of a secret's ARN: six characters that Secrets Manager adds, or a variable that may hold them
(https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html)."""


_ALSO_MADE_BY_AWS: Final = frozenset(("ssm", kind) for kind in ("document", "automation-definition", "parameter"))
"""Types of which AWS provides some resources of its own; the ARNs of those hold no account."""


class Reach(NamedTuple):
    """What a resource pattern reaches in one service. In `kinds` and `whole`, bit n stands for its nth type."""

    kinds: int
    """Types of which it matches a resource."""
    whole: int
    """Types of which it matches every resource in the accounts and regions that it names; types that can't be narrowed
    don't count."""
    everything: bool
    """It means the same as `*`."""
    any_resource: bool
    """It also grants actions that take no resource: it's `*`, or everything of a service, region or account."""
    named: bool
    """It names one account. An ARN without one is in the caller's own, unless it's a bucket's: anybody may own that."""


@lru_cache(32768)
def resolve_variables(pattern: str) -> str:
    """Return a pattern without policy variables.

    Escapes (`${*}`, `${?}`, `${$}`) and variables that name the caller become `$`, one letter that is no wildcard;
    every other variable becomes `*`.

    >>> resolve_variables("arn:aws:s3:::b/${aws:username}/*"), resolve_variables("arn:aws:s3:::${aws:UserAgent}/*")
    ('arn:aws:s3:::b/$/*', 'arn:aws:s3:::*/*')
    """
    if pattern.startswith(_API):
        pattern = f"arn:aws:execute-api:*:*:*{pattern.removeprefix(_API[:-1])}"
    if "${" not in pattern:
        return pattern
    return _VARIABLE.sub(
        lambda found: "$" if found[1] in "*?$" or _CALLER_VARIABLE.fullmatch(found[1]) else "*", pattern
    )


def bucket(resource: str) -> str:
    """Return the ARN of the bucket that a resource is or belongs to; empty if it's neither a bucket nor an object.

    >>> bucket("arn:aws-cn:s3:::raw/in/*"), bucket("arn:aws:sqs:eu-central-1:123456789012:mail")
    ('arn:aws-cn:s3:::raw', '')
    """
    return resource.partition("/")[0] if resource.partition(":::")[0] in _BUCKET_ARNS else ""


def is_made_by_aws(arn: str) -> bool:
    """Tell whether an ARN is of something that AWS made, such as its managed policies, by the account.

    >>> is_made_by_aws("arn:aws:iam::aws:policy/ReadOnlyAccess"), is_made_by_aws("arn:aws:iam::*:policy/ReadOnlyAccess")
    (True, False)
    """
    return arn.split(":", 5)[4:5] == ["aws"]


def variables(text: str) -> list[str]:
    """Return the condition keys that the policy variables of a text stand for.

    Variables that only the policies of IoT and Transfer Family have are left out.

    >>> variables("${aws:PrincipalTag/team, 'none'}/${*}/${transfer:HomeFolder}")
    ['aws:PrincipalTag/team']
    """
    names = [name.partition(",")[0].strip() for name in _VARIABLE.findall(text)]
    return [name for name in names if name not in tuple("*?$") and not name.lower().startswith(("iot:", "transfer:"))]


@lru_cache(32768)
def problem(resource: str) -> str:
    """Return what is wrong with a resource of a policy, empty if it can be an ARN."""
    if _is_everything(resource):
        return ""
    if "$(" in resource or "{{" in resource:
        return "holds a placeholder that a template should have filled in"
    text = resolve_variables(resource)
    parts = text.split(":", 5)
    if not patterns.matches(parts[0], "arn"):
        return "doesn't start with `arn:`"
    if len(parts) < 6:
        # A star may stand for the missing parts, if what comes before it can begin one.
        begins = _BEGINNINGS.get(len(parts))
        before = parts[-1].partition("*")[0]
        spans = "*" in parts[-1] and (patterns.wild(before) or begins is None or begins.fullmatch(before))
        return "" if spans else "has fewer than six parts"
    _, partition, service, region, account, name = parts
    if not patterns.wild(partition) and not _PARTITION.fullmatch(partition) and partition != "$":
        return f"has the unknown partition `{partition[:40]}`"
    if not service:
        return "names no service"
    if region and not patterns.wild(region) and not _REGION.fullmatch(region) and "$" not in region:
        return f"has the unknown region `{region[:40]}`"
    if region and not patterns.wild(region + partition) and "$" not in region + partition:
        wanted = region_partition(region)
        if partition != wanted:
            return f"has the region `{region[:40]}`, which is in the partition `{wanted}`"
    if account and not patterns.wild(account) and not _ACCOUNT.fullmatch(account) and "$" not in account:
        return f"has the impossible account `{account[:40]}`"
    if not name:
        return "names no resource"
    if service == "ssm" and name.startswith("parameter//"):
        return "repeats the leading slash of the parameter's name"
    known = knowledge.service(service)
    if known is None or reach(known, resource).kinds:
        return ""
    return _surplus_part(known, region, account, name)


def _surplus_part(service: knowledge.Service, region: str, account: str, name: str) -> str:
    """Describe a region or account in an ARN whose type has none, such as a role's region; empty if there is none."""
    own = [kind for kind in service.types if kind.parts[2] == service.prefix]
    kinds = [kind for kind in own if kind.literal and name.startswith(kind.literal)]
    # Otherwise it's of a type without a literal beginning, such as a bucket.
    kinds = kinds or [kind for kind in own if not kind.literal]
    for given, part, article, what in ((region, 3, "a", "region"), (account, 4, "an", "account")):
        if given and not patterns.wild(given) and kinds and not any(kind.parts[part] for kind in kinds):
            return f"has {article} {what}, but ARNs of its type have none"
    return ""


def overlap(one: str, other: str) -> bool:
    """Tell whether two patterns without policy variables match the same resource.

    >>> role = "arn:?*:iam::?*:role/?*"
    >>> overlap("arn:aws:ec2:*:*:volume/*", role), overlap("arn:aws:iam:*", role)
    (False, True)
    """
    parts, others = one.split(":", 5), other.split(":", 5)
    if len(parts) == len(others) == 6:
        return all(map(patterns.intersects, parts, others))
    return patterns.intersects(one, other)


def has_kind(arn: str, kind: str) -> bool:
    """Tell whether an ARN pattern matches resources of a type whose name begins with `kind`."""
    service = _named_service(arn)
    if service is None:
        return False
    kinds = reach(service, arn).kinds
    return any(kinds >> bit & 1 and one.name.startswith(kind) for bit, one in enumerate(service.types))


def is_misspelt(arn: str) -> bool:
    """Tell whether an ARN fits no type, but the beginning of its name is near that of a type's names."""
    known = _named_service(arn)
    if known is None or reach(known, arn).kinds:
        return False
    words = {_first_word(kind.literal) for kind in known.types} - {""}
    return bool(difflib.get_close_matches(_first_word(arn.split(":", 5)[5]), words, n=1, cutoff=SIMILAR))


def _named_service(arn: str) -> knowledge.Service | None:
    parts = arn.split(":", 5)
    return knowledge.service(parts[2]) if len(parts) == 6 else None


def _first_word(name: str) -> str:
    """Return the first word of a resource's name, lower case."""
    return re.split("[^A-Za-z-]", name, maxsplit=1)[0].lower()


SIMILAR: Final = 0.85
"""`difflib`'s ratio from which two names are near each other: one wrong letter in seven, or one missing in four."""


@lru_cache(65536)
def reach(service: knowledge.Service, resource: str) -> Reach:
    """Return what a resource pattern, as the policy has it, reaches in a service."""
    text = patterns.normal(resolve_variables(resource))
    if _is_everything(text):
        everything = (1 << len(service.types)) - 1
        return Reach(everything, everything, True, True, False)
    parts = text.split(":", 5)
    if len(parts) < 6 or patterns.wild(":".join(parts[:3])):
        return _reach_as_text(service, text, parts)
    kinds = whole = 0
    # Nobody can change what AWS made.
    may_be_whole = "*" in parts[5] and parts[4] != "aws"
    named = bool(parts[4]) and not patterns.wild(parts[4])
    literal = patterns.head(parts[5])
    for bit, kind in _types(service, literal[:1]):
        # Comparing the literal beginnings first settles nearly all types without an automaton.
        begins = literal.startswith(kind.literal) or kind.literal.startswith(literal)
        if begins and _fits(kind, parts, literal):
            kinds |= 1 << bit
            if may_be_whole and kind.can_be_narrowed and _includes_all(parts, kind):
                whole |= 1 << bit
                named = named or (not kind.parts[4] and parts[2] != "s3")
    any_resource = parts[5].startswith("*") and parts[2] == service.prefix
    return Reach(kinds, whole, False, any_resource, named)


def _is_everything(pattern: str) -> bool:
    """Tell whether a pattern of resources means the same as `*`."""
    return "*" in pattern and (pattern == "*" or patterns.includes(pattern, "arn:?*:?*"))


def _includes_all(parts: list[str], kind: knowledge.ResourceType) -> bool:
    """Tell whether a pattern's last part matches the names of all resources of a type."""
    names = _recovery_points(parts[2]) if kind.parts[2] == _ANY_SERVICE else (kind.parts[5],)
    return any(patterns.includes(parts[5], name) for name in names)


@lru_cache(8192)
def _types(service: knowledge.Service, letter: str) -> Sequence[tuple[int, knowledge.ResourceType]]:
    """Return the types of a service, with their numbers, whose names may begin with a letter; all if it's empty."""
    return [(bit, kind) for bit, kind in enumerate(service.types) if not letter or kind.literal[:1] in ("", letter)]


def _fits(kind: knowledge.ResourceType, parts: list[str], literal: str) -> bool:
    """Tell whether a pattern matches a resource of a type. The caller has checked that their last parts begin alike."""
    format_ = kind.parts
    type_ = (format_[2], kind.name)
    if format_[2] == _ANY_SERVICE:
        return any(patterns.intersects(parts[5], name) for name in _recovery_points(parts[2]))
    if parts[2] != format_[2] or not _part_fits(parts[3], format_[3]):
        return False
    if not _part_fits(parts[4], format_[4]) and (parts[4] or type_ not in _ALSO_MADE_BY_AWS):
        return False
    if type_ in _NO_SLASH and parts[5].count("/") > format_[5].count("/"):
        return False
    if type_ == _SECRET and not patterns.wild(parts[5]) and not _SUFFIX.search(parts[5]):
        return False
    for given, wanted in zip(literal.split("/")[:-1], kind.segments, strict=False):
        if wanted not in (given, "?*"):
            return False
    return patterns.intersects(parts[5], _EMPTY_SEGMENT.get(type_, format_[5]))


_ANY_SERVICE: Final = "?*"
"""The service in the ARNs of AWS Backup's recovery points, which may be a snapshot or an image of another service
(https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html)."""


def _recovery_points(service: str) -> tuple[str, ...]:
    """Return how the names of recovery points begin in the ARNs of a service."""
    return _RECOVERY_POINTS.get(service, ())


_RECOVERY_POINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "backup": ("recovery-point:?*",),
    "dynamodb": ("table/?*/backup/?*",),
    "ec2": ("snapshot/?*", "image/?*"),
    "fsx": ("backup/?*",),
    "rds": ("snapshot:?*", "cluster-snapshot:?*"),
    "redshift": ("snapshot:?*",),
}


def _part_fits(given: str, wanted: str) -> bool:
    if given == wanted:
        return True
    if wanted == "?*":
        return bool(given)
    return patterns.intersects(given, wanted)


def _reach_as_text(service: knowledge.Service, text: str, parts: list[str]) -> Reach:
    """Compare a pattern, whose wildcards may span the parts of an ARN, as one text."""
    known = parts[1:-1]
    kinds = whole = 0
    for bit, kind in enumerate(service.types):
        format_ = list(kind.parts)
        if patterns.intersects(text, ":".join(format_)):
            kinds |= 1 << bit
            # Does it match every resource in the partition, region and account that it names?
            for place in range(len(known)):
                if format_[place + 1] and known[place]:
                    format_[place + 1] = known[place]
            if not is_made_by_aws(text) and patterns.includes(text, ":".join(format_)):
                whole |= 1 << bit
    named = len(parts) == 6 and not patterns.wild(parts[4]) and bool(parts[4])
    return Reach(kinds, whole, False, whole != 0, named)
