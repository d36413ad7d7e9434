"""The settings of one stack: read at once, validated as a whole, before any resource is registered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

from components.naming import PROJECT, Names


class ConfigurationError(pulumi.RunError):
    """The stack's configuration can't be used. The text lists every problem; `problems` has them one by one."""

    exit_code = 2

    def __init__(self, stack: str, problems: list[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listing = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(
            f"The configuration of stack `{stack}` has {count}:\n{listing}\n"
            f"Set values with `pulumi config set KEY VALUE --stack {stack}` or in Pulumi.{stack}.yaml; "
            "Pulumi.yaml describes every key."
        )
        self.problems = problems


@dataclass(frozen=True)
class _Shape:
    """What a text has to look like: a pattern that it must match whole, and how to say so."""

    pattern: str
    accepted: str

    def __call__(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"accepted: {self.accepted}")
        return value


def _only_one(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) != 1:
        raise ValueError("accepted: exactly one account, the one that this stack belongs to")
    return values


def _two_or_more_distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) < 2:
        raise ValueError("has too few values; accepted: at least 2")
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"has {', '.join(repeated)} more than once; accepted: each value once")
    return values


def _own_environment(value: str, info: ValidationInfo) -> str:
    environment = (info.context or {})["environment"]
    if not value.startswith(f"{environment}/"):
        raise ValueError(f"belongs to another environment; accepted: a name that starts with {environment}/")
    return value


def _recovery_days(value: int, info: ValidationInfo) -> int:
    # Secrets Manager: DeleteSecret, RecoveryWindowInDays.
    production = (info.context or {})["environment"] == "prod"
    if not 7 <= value <= 30 and (production or value != 0):
        raise ValueError("accepted: 7 to 30" + ("" if production else ", or 0 to delete at once"))
    return value


def _session_seconds(value: int) -> int:
    # Elastic Load Balancing takes 1 second to 7 days; less than 5 minutes would sign users out while they type.
    if not 300 <= value <= 604_800:
        raise ValueError("accepted: 300 to 604800 seconds (7 days)")
    return value


def _text(pattern: str, accepted: str) -> AfterValidator:
    return AfterValidator(_Shape(pattern, accepted))


_HOST_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}"

Account = Annotated[str, _text(r"\d{12}", "an AWS account id, 12 digits")]
Region = Annotated[str, _text(r"[a-z]{2}(-[a-z]+)+-\d", "an AWS region such as eu-central-1")]
Host = Annotated[
    str,
    _text(rf"{_HOST_LABEL}(\.{_HOST_LABEL})+", "a lower-case host such as example.kinde.com, without https://"),
]
VpcId = Annotated[str, _text(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})", "a VPC id such as vpc-0123456789abcdef0")]
SubnetId = Annotated[str, _text(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "subnet ids such as subnet-0123456789abcdef0")]
SecurityGroupId = Annotated[
    str, _text(r"sg-([0-9a-f]{8}|[0-9a-f]{17})", "a security group id such as sg-0123456789abcdef0")
]
Uuid = Annotated[str, _text(_UUID, "a lower-case UUID")]
ResourceName = Annotated[str, _text(_NAME, "a name of letters, digits, hyphens and underscores")]
RepositoryName = Annotated[
    str,
    _text(
        r"[a-z0-9]+(?:[._/-][a-z0-9]+)*",
        "the name of an ECR repository, such as backstage, without a registry",
    ),
]
SourceRepository = Annotated[
    str, _text(r"(github\.com|bitbucket\.org)/[\w.-]+/[\w.-]+", "a repository such as github.com/owner/name")
]
SubnetIds = Annotated[tuple[SubnetId, ...], AfterValidator(_two_or_more_distinct)]
Accounts = Annotated[tuple[Account, ...], AfterValidator(_only_one)]
KindeSecretName = Annotated[
    str,
    _text(
        r"[a-z0-9-]+/kinde/client-secret-[A-Za-z0-9]{6}",
        "the secret's name with the six characters that end its ARN, such as prod/kinde/client-secret-2pS4d3",
    ),
    AfterValidator(_own_environment),
]
HttpsUrl = Annotated[
    str, _text(rf"https://{_HOST_LABEL}(\.{_HOST_LABEL})+(/[\w.-]+)*", "an https URL without a slash at its end")
]
WebAclArn = Annotated[
    str,
    _text(
        r"arn:aws[a-z-]*:wafv2:us-east-1:\d{12}:global/webacl/[\w-]+/[0-9a-f-]{36}",
        "the ARN of a web ACL for CloudFront, such as arn:aws:wafv2:us-east-1:123456789012:global/webacl/NAME/ID",
    ),
]
_HEADER_SECRET: Final = "64 lower-case hexadecimal digits, such as `openssl rand -hex 32` prints"


def _header_secret(value: SecretStr) -> SecretStr:
    # ALB header conditions ignore case and treat * and ? as wildcards, hence hex; 64 digits are 256 bits.
    if not re.fullmatch(r"[0-9a-f]{64}", value.get_secret_value()):
        raise ValueError(f"accepted: {_HEADER_SECRET}")
    return value


HeaderSecret = Annotated[SecretStr, AfterValidator(_header_secret)]


class Settings(BaseModel):
    """All that the program takes from configuration.

    Keys are the camelCase names of the fields, in the project's namespace; `aws:` keys are the provider's own, so
    that the account that the names are built for is the only one that the provider agrees to touch.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        hide_input_in_errors=True,
        regex_engine="python-re",
    )

    region: Region = Field(alias="aws:region")
    allowed_account_ids: Accounts = Field(alias="aws:allowedAccountIds")
    partition: Literal["aws", "aws-cn", "aws-us-gov"]

    domain: Host
    kinde_domain: Host
    kinde_client_id: Annotated[str, _text(r"[0-9A-Za-z]{16,64}", "the application's client id, letters and digits")]
    kinde_client_secret: KindeSecretName

    kinde_issuer: HttpsUrl | None = None
    kinde_authorization_endpoint: HttpsUrl | None = None
    kinde_token_endpoint: HttpsUrl | None = None
    kinde_user_info_endpoint: HttpsUrl | None = None
    session_seconds: Annotated[int, AfterValidator(_session_seconds)]
    read_secrets_in_preview: bool

    cloudflare_zone_id: Annotated[str, _text(r"[0-9a-f]{32}", "a Cloudflare zone id, 32 hexadecimal digits")]
    manage_zone_settings: bool
    only_cloudflare_viewers: bool
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
    web_acl_arn: WebAclArn | None = None
    cloudfront_prefix_list_id: Annotated[
        str,
        _text(
            r"pl-([0-9a-f]{8}|[0-9a-f]{17})", "the id of CloudFront's origin-facing prefix list, such as pl-0a1b2c3d"
        ),
    ]
    open_prefect_machine_api: bool

    vpc_id: VpcId
    public_subnet_ids: SubnetIds
    private_subnet_ids: SubnetIds
    backstage_security_group_id: SecurityGroupId
    prefect_security_group_id: SecurityGroupId
    cluster: ResourceName
    backstage_repository: RepositoryName
    prefect_repository: RepositoryName
    deployer_task_family: ResourceName
    deployer_security_group_id: SecurityGroupId
    ork_function: ResourceName

    circleci_organization_id: Uuid
    circleci_project_id: Uuid
    circleci_repository: SourceRepository
    circleci_provider_managed: bool

    park_mode: Literal["parked", "unparked"]
    database_restore_mode: Literal["from_final_snapshot", "clean"]
    secret_recovery_days: Annotated[int, AfterValidator(_recovery_days)]

    origin_header_secret: HeaderSecret
    previous_origin_header_secret: HeaderSecret | None = None

    @property
    def account(self) -> str:
        """The only account that the stack may touch."""
        return self.allowed_account_ids[0]


def load() -> tuple[Settings, Names]:
    """Read the settings of the running stack, and the names that follow from them.

    Raises:
        ConfigurationError: one or more keys are missing, unknown or wrong; all of them are listed.
    """
    environment = pulumi.get_stack()
    settings = parse(environment, pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env())
    return settings, Names(environment, settings.account, settings.region, settings.partition)


def parse(environment: str, config: Mapping[str, str], secret_keys: Iterable[str] = ()) -> Settings:
    """Validate a stack's configuration.

    Args:
        environment: The stack's name.
        config: Full key (`namespace:key`) to value; lists are JSON text, as Pulumi hands them over.
        secret_keys: The keys that are stored as secrets.

    Raises:
        ConfigurationError: as `load`.
    """
    problems: list[str] = []
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,15}", environment):
        problems.append(
            f"stack name: `{environment}` can't be an environment; accepted: 2 to 16 lower-case letters, digits "
            "and hyphens, such as prod"
        )
    prefix = f"{PROJECT}:"
    keys = {field.alias or name: field.annotation for name, field in Settings.model_fields.items()}
    optional = {field.alias or name for name, field in Settings.model_fields.items() if not field.is_required()}
    given: dict[str, Any] = {}
    for full_key, text in config.items():
        key = full_key.removeprefix(prefix)
        if key in optional and text == "":
            continue
        if key in keys:
            given[key] = text
        elif full_key.startswith(prefix):
            problems.append(f"{key}: no such key{_nearest(key, keys)}")
    for key in given:
        if _is_sequence(keys[key]):
            given[key], problem = _sequence(given[key])
            problems.extend(f"{key}: {problem}" for problem in problem)
    unreadable = {key for key, value in given.items() if value is None}
    stored_secrets = {key.removeprefix(prefix) for key in secret_keys}
    for key in SECRET_KEYS:
        if key in given and key not in stored_secrets:
            problems.append(f"{key}: is stored in plain text; accepted: a value set with `--secret`")
    try:
        settings = Settings.model_validate(given, context={"environment": environment})
    except ValidationError as error:
        problems += [
            f"{_location(detail['loc'])}: {_PROBLEM.get(detail['type'], _default_problem)(detail, given)}"
            for detail in error.errors(include_url=False)
            if detail["loc"][0] not in unreadable
        ]
        raise ConfigurationError(environment, problems) from None
    if settings.only_cloudflare_viewers and settings.web_acl_arn:
        problems.append(
            "webAclArn: can't stand beside onlyCloudflareViewers, which makes its own; accepted: one of both"
        )
    if settings.previous_origin_header_secret == settings.origin_header_secret:
        problems.append("previousOriginHeaderSecret: is the current one; accepted: the value before it, or nothing")
    if problems:
        raise ConfigurationError(environment, problems)
    return settings


SECRET_KEYS: Final = ("originHeaderSecret", "previousOriginHeaderSecret")
"""The keys whose values must be stored as Pulumi secrets."""


def placeholders() -> Mapping[str, str]:
    """Return a value of the right shape for each secret key, for plans made without the real ones.

    They are all different, and look like digits by chance, as the gate demands of the real ones.
    """
    return {f"{PROJECT}:{key}": sha256(f"{number:064x}".encode()).hexdigest() for number, key in enumerate(SECRET_KEYS)}


def _nearest(key: str, keys: Iterable[str]) -> str:
    matches = get_close_matches(key, list(keys), n=1)
    return f"; the nearest is {matches[0]}" if matches else f"; accepted: {', '.join(sorted(keys))}"


def _is_sequence(annotation: Any) -> bool:  # noqa: ANN401 - an annotation is any object
    return get_origin(annotation) is tuple


def _sequence(text: str) -> tuple[list[Any] | None, list[str]]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if isinstance(value, list):
        return value, []
    return None, [f"is `{text}`; accepted: a list"]


def _location(location: tuple[int | str, ...]) -> str:
    key, *rest = location
    return str(key) + "".join(f"[{step}]" for step in rest)


def _accepted(key: str) -> str:
    """Say what a missing key would take, from the field's own types and shapes."""
    field = next(field for name, field in Settings.model_fields.items() if key == (field.alias or name))
    annotations = [field, *(get_args(field.annotation) if _is_sequence(field.annotation) else ())]
    shapes = [
        item.func.accepted
        for annotation in annotations
        for item in (annotation.metadata if annotation is field else getattr(annotation, "__metadata__", ()))
        if isinstance(item, AfterValidator) and isinstance(item.func, _Shape)
    ]
    if shapes:
        return "; ".join(shapes)
    if get_origin(field.annotation) is Literal:
        return " or ".join(get_args(field.annotation))
    plain: Mapping[object, str] = {bool: "true or false", int: "a whole number", SecretStr: _HEADER_SECRET}
    return plain[field.annotation]


def _value(detail: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401 - pydantic's error detail
    value: Any = given
    for step in detail["loc"]:
        value = value[step]
    return "the value" if detail["loc"][0] in SECRET_KEYS else f"`{value}`"


def _default_problem(detail: Any, given: Mapping[str, Any]) -> str:  # noqa: ANN401
    return f"{_value(detail, given)}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


_PROBLEM: Final[Mapping[str, Callable[[Any, Mapping[str, Any]], str]]] = {
    "missing": lambda detail, _: f"is missing; accepted: {_accepted(detail['loc'][0])}",
    "value_error": lambda detail, given: f"{_value(detail, given)} won't do; {detail['ctx']['error']}",
    "literal_error": lambda detail, given: (
        f"{_value(detail, given)} won't do; accepted: {detail['ctx']['expected'].replace(chr(39), '')}"
    ),
    "bool_parsing": lambda detail, given: f"{_value(detail, given)} won't do; accepted: true or false",
    "int_parsing": lambda detail, given: f"{_value(detail, given)} won't do; accepted: a whole number",
}
