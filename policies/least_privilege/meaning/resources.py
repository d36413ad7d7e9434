"""What a resource pattern of a policy means for a service: which kinds of resource it reaches, and which of them whole.

ARN formats come from the service authorization reference, see `knowledge`.
"""

from __future__ import annotations

import difflib
import re
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
"""How a region begins -> its partition; all others are in `aws`
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)."""
REGION: Final = (
    r"(?:af|ap|ca|cn|eu|il|me|mx|sa|us|us-gov|us-iso[bf]?|eu-isoe|eusc-[a-z]{2})-"
    r"(?:central|(?:north|south)?(?:east|west)|north|south)-\d"
)
"""How a region is written, as a regular expression
(https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html)."""
_REGION: Final = re.compile(REGION)
_ACCOUNT: Final = re.compile(r"\d{12}|aws|aws-managed|cloudfront|aws-marketplace|third-party|amazon|tgw-peering")
_BEGINS: Final = {4: re.compile(r"[a-z]{0,2}(?:-[a-z0-9-]*)?"), 5: re.compile(r"\d{0,12}|aws")}
"""Number of parts -> how the last one, a region or an account, begins."""
_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")

_OF_THE_CALLER: Final = re.compile(
    r"(?:aws:(?:username|userid|principal(?:tag/[^,]+|account|orgid|arn)|sourceidentity|federatedprovider)"
    r"|[a-z0-9.-]+\.[a-z]{2,}(?:/[^:]*)?:(?:sub|id|user_id|app_id|aud)|saml:[a-z]+|iot:[a-z.]+|transfer:[a-z]+"
    r"|ec2:sourceinstancearn|s3:(?:existingobjecttag|bucketname)[^,]*|aws:resourceaccount|aws:(?:ec2instance)?source[a-z]+)"
    r"(?:\s*,.*)?",
    re.IGNORECASE,
)
"""Policy variables that stand for who asks; any other may be filled by the caller at will, so it counts as `*`."""


_NO_SLASH: Final = frozenset(
    (
        *(("s3", "bucket"), ("s3", "accesspoint"), ("dynamodb", "table"), ("sqs", "queue"), ("sns", "topic")),
        *(("codecommit", "repository"), *(("codepipeline", kind) for kind in ("pipeline", "stage", "action"))),
    )
)
"""Types whose names hold no slash, so that what has more is something below them. In most other names it may stand."""

_OF_BUCKETS: Final = frozenset(f"arn:{partition}:s3" for partition in ("aws", *_PARTITIONS.values()))
_OF_AN_API: Final = "execute-api:/"
"""How the policy of an API may name the API itself
(https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-resource-policies-examples.html)."""
_SECRET: Final = ("secretsmanager", "Secret")
_SUFFIX: Final = re.compile(r"-[A-Za-z0-9]{6}$|\$$")
"""How the name of a secret ends in its ARN: with six characters of Secrets Manager's, or a variable that may hold them
(https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html)."""


_ALSO_OF_AWS: Final = frozenset(("ssm", kind) for kind in ("document", "automation-definition", "parameter"))


class Reach(NamedTuple):
    """What a resource pattern reaches in one service. `kinds` and `whole` are masks over the service's types."""

    kinds: int
    """Types of which it matches some resource."""
    whole: int
    """Types of which it matches every resource, of the accounts and regions that it names."""
    everything: bool
    """It's as good as `*`."""
    any_resource: bool
    """It may stand where the action supports no resource: `*`, or all of a service, region or account."""
    named: bool
    """It names one account. Where ARNs hold none it's the caller's own, but for buckets, which anybody may own."""


@lru_cache(32768)
def plain(pattern: str) -> str:
    """Return a pattern with its policy variables resolved as far as they matter.

    The escapes `${*}`, `${?}` and `${$}` become placeholders; what names the caller becomes a name; the rest is `*`.

    >>> plain("arn:aws:s3:::b/${aws:username}/*"), plain("arn:aws:s3:::${aws:UserAgent}/*")
    ('arn:aws:s3:::b/$/*', 'arn:aws:s3:::*/*')
    """
    if pattern.startswith(_OF_AN_API):
        pattern = f"arn:aws:execute-api:*:*:*{pattern.removeprefix(_OF_AN_API[:-1])}"
    if "${" not in pattern:
        return pattern
    return _VARIABLE.sub(lambda found: "$" if found[1] in "*?$" or _OF_THE_CALLER.fullmatch(found[1]) else "*", pattern)


def bucket(resource: str) -> str:
    """Return the ARN of the bucket that a resource is, or is an object of; empty if it's neither.

    >>> bucket("arn:aws-cn:s3:::raw/in/*"), bucket("arn:aws:sqs:eu-central-1:123456789012:mail")
    ('arn:aws-cn:s3:::raw', '')
    """
    return resource.partition("/")[0] if resource.partition(":::")[0] in _OF_BUCKETS else ""


def variables(text: str) -> list[str]:
    """Return the keys that policy variables of a text stand for, but for those that only a service's own policies have.

    >>> variables("${aws:PrincipalTag/team, 'none'}/${*}/${transfer:HomeFolder}")
    ['aws:PrincipalTag/team']
    """
    names = [name.partition(",")[0].strip() for name in _VARIABLE.findall(text)]
    return [name for name in names if name not in tuple("*?$") and not name.lower().startswith(("iot:", "transfer:"))]


@lru_cache(32768)
def problem(resource: str) -> str:
    """Return what is wrong with a resource of a policy, empty if it can be an ARN."""
    if resource == "*" or patterns.includes(resource, "arn:?*:?*"):
        return ""
    if "$(" in resource or "{{" in resource:
        return "holds what a template was to fill in"
    text = plain(resource)
    parts = text.split(":", 5)
    if not patterns.matches(parts[0], "arn"):
        return "doesn't start with `arn:`"
    if len(parts) < 6:
        # A star may stand for parts that are left out; what is before it must be able to begin one.
        begins = _BEGINS.get(len(parts))
        before = parts[-1].partition("*")[0]
        spans = "*" in parts[-1] and (patterns.wild(before) or begins is None or begins.fullmatch(before))
        return "" if spans else "has fewer than six parts"
    _, partition, service, region, account, name = parts
    if not patterns.wild(partition) and not _PARTITION.fullmatch(partition) and partition != "$":
        return f"names the partition `{partition[:40]}`, which doesn't exist"
    if not service:
        return "names no service"
    if region and not patterns.wild(region) and not _REGION.fullmatch(region) and "$" not in region:
        return f"names the region `{region[:40]}`, which doesn't exist"
    if region and not patterns.wild(region + partition) and "$" not in region + partition:
        wanted = next((one for begin, one in _PARTITIONS.items() if region.startswith(begin)), "aws")
        if partition != wanted:
            return f"names the region `{region[:40]}`, which isn't in the partition `{partition[:40]}`"
    if account and not patterns.wild(account) and not _ACCOUNT.fullmatch(account) and "$" not in account:
        return f"names the account `{account[:40]}`, which can't exist"
    if not name:
        return "names no resource"
    if service == "ssm" and name.startswith("parameter//"):
        return "repeats the leading slash of the parameter's name"
    known = knowledge.service(service)
    # What fits some kind has what the kind has.
    return "" if known is None or reach(known, resource).kinds else _misplaced(known, region, account, name)


def _misplaced(service: knowledge.Service, region: str, account: str, name: str) -> str:
    """Return what is given in an ARN whose kind has none: the account of an image, the region of a role."""
    own = [kind for kind in service.types if kind.parts[2] == service.prefix]
    kinds = [kind for kind in own if kind.literal and name.startswith(kind.literal)]
    # Without such a beginning it's of a kind whose names have none: a bucket.
    kinds = kinds or [kind for kind in own if not kind.literal]
    for given, part, what in ((region, 3, "region"), (account, 4, "account")):
        if given and not patterns.wild(given) and kinds and not any(kind.parts[part] for kind in kinds):
            return f"names a{'n' if part == 4 else ''} {what}, and the ARN of that kind has none"
    return ""


def is_of(kind: str, arn: str) -> bool:
    """Tell whether an ARN pattern matches resources of a kind, by the beginning of the kind's name."""
    known = _service_of(arn)
    kinds = reach(known, arn).kinds if known else 0
    return known is not None and any(
        kinds >> bit & 1 and one.name.startswith(kind) for bit, one in enumerate(known.types)
    )


def is_misspelt(arn: str) -> bool:
    """Tell whether an ARN is of no kind, and begins nearly as those of a kind do."""
    known = _service_of(arn)
    if known is None or reach(known, arn).kinds:
        return False
    words = {_word(kind.literal) for kind in known.types} - {""}
    return bool(difflib.get_close_matches(_word(arn.split(":", 5)[5]), words, n=1, cutoff=SIMILAR))


def _service_of(arn: str) -> knowledge.Service | None:
    parts = arn.split(":", 5)
    return knowledge.service(parts[2]) if len(parts) == 6 else None


def _word(name: str) -> str:
    """Return the first word of a resource's name, lower case."""
    return re.split("[^A-Za-z-]", name, maxsplit=1)[0].lower()


SIMILAR: Final = 0.85
"""One letter wrong in seven or more, one missing in four (`difflib`'s ratio)."""


@lru_cache(65536)
def reach(service: knowledge.Service, resource: str) -> Reach:
    """Return what a resource pattern means for a service. The pattern is as in the policy."""
    text = patterns.normal(plain(resource))
    if patterns.includes(text, "arn:?*:?*"):
        everything = (1 << len(service.types)) - 1
        return Reach(everything, everything, True, True, False)
    parts = text.split(":", 5)
    if len(parts) < 6 or any(patterns.wild(part) for part in parts[:3]):
        return _loosely(service, text, parts)
    kinds = whole = 0
    named = bool(parts[4]) and not patterns.wild(parts[4])
    literal = patterns.head(parts[5])
    for bit, kind in enumerate(service.types):
        # The literal beginnings must agree, which settles nearly all without an automaton.
        begins = literal.startswith(kind.literal) or kind.literal.startswith(literal)
        if begins and _fits(kind, parts, literal):
            kinds |= 1 << bit
            # There is one hub of an account: its name is all of the kind, and as narrow as can be.
            if "?*" in kind.parts[5] and patterns.includes(parts[5], kind.parts[5]):
                whole |= 1 << bit
                named = named or (not kind.parts[4] and parts[2] != "s3")
    any_resource = parts[5].startswith("*") and parts[2] == service.prefix
    return Reach(kinds, whole, False, any_resource, named)


def _fits(kind: knowledge.ResourceType, parts: list[str], literal: str) -> bool:
    """Tell whether a pattern, whose last part begins as the kind's does, matches some resource of a kind."""
    format_ = kind.parts
    if parts[2] != format_[2] or not _part_fits(parts[3], format_[3]) or not _part_fits(parts[4], format_[4]):
        # AWS's own documents have no account.
        return not parts[4] and (format_[2], kind.name) in _ALSO_OF_AWS and patterns.intersects(parts[5], format_[5])
    if (format_[2], kind.name) in _NO_SLASH and parts[5].count("/") > format_[5].count("/"):
        return False
    if (format_[2], kind.name) == _SECRET and not patterns.wild(parts[5]) and not _SUFFIX.search(parts[5]):
        return False
    for given, wanted in zip(literal.split("/")[:-1], kind.segments, strict=False):
        if wanted not in (given, "?*"):
            return False
    return patterns.intersects(parts[5], format_[5])


def _part_fits(given: str, wanted: str) -> bool:
    if given == wanted:
        return True
    if wanted == "?*":
        return bool(given)
    return patterns.intersects(given, wanted)


def _loosely(service: knowledge.Service, text: str, parts: list[str]) -> Reach:
    """A pattern whose wildcards may span the parts of an ARN, compared as a whole."""
    known = parts[1:-1]
    kinds = whole = 0
    for bit, kind in enumerate(service.types):
        format_ = list(kind.parts)
        if patterns.intersects(text, ":".join(format_)):
            kinds |= 1 << bit
            # Every resource of the partitions, regions and accounts that the pattern itself names.
            for place in range(len(known)):
                if format_[place + 1] and known[place]:
                    format_[place + 1] = known[place]
            if patterns.includes(text, ":".join(format_)):
                whole |= 1 << bit
    named = len(parts) == 6 and not patterns.wild(parts[4]) and bool(parts[4])
    return Reach(kinds, whole, False, whole != 0, named)
