"""The types of the fields of `components.settings.Settings`: what a setting has to look like.

Each type describes the shape of its text, so the same words serve for a wrong value and for a missing one.
Validators that need the stack's environment find it in pydantic's validation context, under `environment`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, ConfigDict, PlainValidator, ValidationInfo
from pydantic.alias_generators import to_camel

if TYPE_CHECKING:
    import pulumi

MODEL: Final = ConfigDict(
    frozen=True,
    extra="forbid",
    alias_generator=to_camel,
    hide_input_in_errors=True,
    regex_engine="python-re",
)
"""How every model of the settings reads its keys, which are the camelCase names of the fields."""


@dataclass(frozen=True)
class Shape:
    """What a text has to look like: a pattern that the whole text must match, and a description of what it accepts."""

    pattern: str
    accepted: str

    def __call__(self, value: str) -> str:
        """Return the text unchanged, or raise ValueError that says what is accepted."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"accepted: {self.accepted}")
        return value


def _text(pattern: str, accepted: str) -> AfterValidator:
    return AfterValidator(Shape(pattern, accepted))


ENVIRONMENT: Final = Shape(
    r"(?=.{2,16}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
    "2 to 16 lower-case letters, digits and single hyphens between them, such as prod",
)
"""A stack's name. It is part of host labels, which can't end in a hyphen, and of length-limited target group names.
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""


def _require_one(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) != 1:
        raise ValueError("accepted: exactly one account, the one that this stack belongs to")
    return values


def _require_two_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) < 2:
        raise ValueError("has too few values; accepted: at least 2")
    return _require_distinct(values)


def _require_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"has {', '.join(repeated)} more than once; accepted: each value once")
    return values


def require_own_environment(value: str, info: ValidationInfo) -> str:
    """Return a secret's name unchanged, or raise ValueError if it belongs to another environment."""
    environment = (info.context or {})["environment"]
    if not value.startswith(f"{environment}/"):
        raise ValueError(f"belongs to another environment; accepted: a name that starts with {environment}/")
    return value


def _require_recovery_days(value: int, info: ValidationInfo) -> int:
    # Secrets Manager: DeleteSecret, RecoveryWindowInDays.
    production = (info.context or {})["environment"] == "prod"
    if not 7 <= value <= 30 and (production or value != 0):
        raise ValueError("accepted: 7 to 30" + ("" if production else ", or 0 to delete at once"))
    return value


def _require_session_seconds(value: int) -> int:
    # Elastic Load Balancing accepts 1 second to 7 days; less than 5 minutes would sign users out while they type.
    if not 300 <= value <= 604_800:
        raise ValueError("accepted: 300 to 604800 seconds (7 days)")
    return value


HEADER_SECRET_SHAPE: Final = Shape(
    r"[0-9a-f]{64}", "64 lower-case hexadecimal digits, such as `openssl rand -hex 32` prints"
)


class SecretText:
    """A secret of the configuration, which the program gets as a secret Output and never as text.

    Code that prints, slices or joins it by mistake shows `[secret]` or fails. Code that wants to show it still can,
    within `apply` or from `pulumi.Config`, because it runs in the process that has the value. So no code gets the value
    before a review: a rehearsal, and with it every check of a pull request, has stand-ins. Two secrets are equal if
    their texts are.

    Raises:
        ValueError: the text doesn't have the shape.

    >>> secret = SecretText("0123456789abcdef" * 4, HEADER_SECRET_SHAPE)
    >>> f"{secret} {secret!r}"
    '[secret] [secret]'
    """

    __slots__ = ("__text",)

    def __init__(self, text: str, shape: Shape) -> None:
        self.__text = shape(text)

    def output(self) -> pulumi.Output[str]:
        """Return the text as a secret Output."""
        import pulumi  # imported here: most commands only parse settings, and don't need the SDK

        return pulumi.Output.secret(self.__text)

    def __eq__(self, other: object) -> bool:
        """Tell whether another secret has the same text."""
        return isinstance(other, SecretText) and self.__text == other.__text

    def __hash__(self) -> int:
        """Return a hash that equal secrets share."""
        return hash(self.__text)

    def __repr__(self) -> str:
        """Return a placeholder that reveals nothing about the text."""
        return "[secret]"


def _header_secret(text: str) -> SecretText:
    # Hexadecimal, because a load balancer's header conditions ignore case and treat * and ? as wildcards. 256 bits.
    return SecretText(text, HEADER_SECRET_SHAPE)


_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST: Final = rf"{_LABEL}(\.{_LABEL})+"
_RESOURCE_ID: Final = "([0-9a-f]{8}|[0-9a-f]{17})"

KeptDifference = Annotated[
    str,
    _text(
        r"[a-z]\w*(\.\w+|\[\d+\])* of [a-z][\w-]*:[\w/-]+:\w+::\S.*",
        "PROPERTY of TYPE::NAME, such as path of aws:iam/role:Role::prod-backstage-task",
    ),
]
KeptDifferences = Annotated[tuple[KeptDifference, ...], AfterValidator(_require_distinct)]
Account = Annotated[str, _text(r"\d{12}", "an AWS account id, 12 digits")]
Accounts = Annotated[tuple[Account, ...], AfterValidator(_require_one)]
Region = Annotated[
    str, _text(r"(?!cn-)[a-z]{2}-[a-z]+-\d", "an AWS region such as eu-central-1, in the partition that has CloudFront")
]
VpcId = Annotated[str, _text(f"vpc-{_RESOURCE_ID}", "a VPC id such as vpc-0123456789abcdef0")]
SubnetId = Annotated[str, _text(f"subnet-{_RESOURCE_ID}", "subnet ids such as subnet-0123456789abcdef0")]
SubnetIds = Annotated[tuple[SubnetId, ...], AfterValidator(_require_two_distinct)]
SecurityGroupId = Annotated[str, _text(f"sg-{_RESOURCE_ID}", "a security group id such as sg-0123456789abcdef0")]
PrefixListId = Annotated[
    str, _text(f"pl-{_RESOURCE_ID}", "the id of CloudFront's origin-facing prefix list, such as pl-0a1b2c3d")
]
WebAclArn = Annotated[
    str,
    _text(
        r"arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/[\w-]+/[0-9a-f-]{36}",
        "the ARN of a web ACL for CloudFront, such as arn:aws:wafv2:us-east-1:123456789012:global/webacl/NAME/ID",
    ),
]
ResourceName = Annotated[
    str, _text(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "a name of letters, digits, hyphens and underscores")
]
RepositoryName = Annotated[
    str,
    _text(r"[a-z0-9]+(?:[._/-][a-z0-9]+)*", "the name of an ECR repository, such as backstage, without a registry"),
]

Host = Annotated[str, _text(_HOST, "a lower-case host such as example.kinde.com, without https://")]
HttpsUrl = Annotated[str, _text(rf"https://{_HOST}(/[\w.-]+)*", "an https URL without a slash at its end")]
ZoneId = Annotated[str, _text(r"[0-9a-f]{32}", "a Cloudflare zone id, 32 hexadecimal digits")]

KindeClientId = Annotated[str, _text(r"[0-9A-Za-z]{16,64}", "the application's client id, letters and digits")]
KindeSecretName = Annotated[
    str,
    _text(
        r"[a-z0-9-]+/kinde/client-secret-[A-Za-z0-9]{6}",
        "the secret's name with the six characters that end its ARN, such as prod/kinde/client-secret-2pS4d3",
    ),
    AfterValidator(require_own_environment),
]

Uuid = Annotated[str, _text(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "a lower-case UUID")]
SourceRepository = Annotated[
    str, _text(r"(github\.com|bitbucket\.org)/[\w.-]+/[\w.-]+", "a repository such as github.com/owner/name")
]
# For repositories created after 15 July 2026, GitHub puts the ids of owner and repository after their names:
# https://docs.github.com/en/actions/reference/security/oidc
GithubRepository = Annotated[
    str,
    _text(
        r"[\w.-]+(@\d+)?/[\w.-]+(@\d+)?",
        "owner/name, or owner@id/name@id if GitHub's tokens contain the ids",
    ),
]

# A bucket's name has at most 63 characters, of which environment and purpose use up to 39, and can't end in -s3alias:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BucketSuffix = Annotated[
    str,
    _text(
        r"(?!(.*-)?s3alias$)(?=.{0,23}$)([a-z0-9]+(-[a-z0-9]+)*)?",
        "account-id, or at most 23 lower-case letters, digits and single hyphens between them, not s3alias at the end, "
        'or "" for nothing',
    ),
]
BUCKET_NAME: Final = Shape(
    r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|--x-s3|--table-s3)$)(?=.{3,63}$)[a-z0-9]+(-+[a-z0-9]+)*",
    "a bucket's name: 3 to 63 lower-case letters, digits and hyphens between them, and no name that S3 reserves",
)
BucketName = Annotated[str, AfterValidator(BUCKET_NAME)]
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
RolePath = Annotated[
    str,
    _text(
        r"(?=.{1,512}$)/([\w+=,.@-]+/|\$\{(project|environment)\}/)*",
        "a path such as / or /service-roles/; ${project} and ${environment} stand for those of the stack",
    ),
]
KeyArn = Annotated[
    str,
    _text(
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})",
        "the ARN of a KMS key (not of an alias), such as arn:aws:kms:eu-central-1:123456789012:key/ID",
    ),
]
RecoveryDays = Annotated[int, AfterValidator(_require_recovery_days)]
SessionSeconds = Annotated[int, AfterValidator(_require_session_seconds)]
HeaderSecret = Annotated[SecretText, PlainValidator(_header_secret)]
