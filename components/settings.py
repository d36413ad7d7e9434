"""The settings of one stack: read at once, validated as a whole, before any resource is registered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Final, Literal

from pydantic import Field, ValidationError
from pydantic.alias_generators import to_camel

from components import immutable, workload_settings
from components import settings_shapes as shapes
from components.applications import APPLICATIONS, ORIGIN_LABEL
from components.naming import HostStyle, Names
from components.settings_problems import (
    ConfigurationError,
    is_secret,
    is_structured,
    missing_key,
    refused_values,
    unknown_key,
)
from components.workload_settings import WorkloadSettings


class Settings(WorkloadSettings):
    """Everything that the program reads from configuration.

    Keys are the camelCase names of the fields, in the project's namespace. `aws:` keys are the provider's own, so
    the provider touches no other account than the one for which the names are built.
    """

    region: shapes.Region = Field(alias="aws:region", description="AWS region of everything but CloudFront's parts")
    allowed_account_ids: shapes.Accounts = Field(
        alias="aws:allowedAccountIds", description="AWS account of the stack; the provider refuses every other one"
    )
    partition: Literal["aws"]

    domain: shapes.Host
    host_style: HostStyle
    kinde_domain: shapes.Host
    kinde_client_id: shapes.KindeClientId
    kinde_client_secret: shapes.KindeSecretName

    kinde_issuer: shapes.HttpsUrl | None = None
    kinde_authorization_endpoint: shapes.HttpsUrl | None = None
    kinde_token_endpoint: shapes.HttpsUrl | None = None
    kinde_user_info_endpoint: shapes.HttpsUrl | None = None
    session_seconds: shapes.SessionSeconds
    read_secrets_in_preview: bool

    cloudflare_zone_id: shapes.ZoneId
    manage_zone_settings: bool
    only_cloudflare_viewers: bool
    price_class: Literal["PriceClass_100", "PriceClass_200", "PriceClass_All"]
    web_acl_arn: shapes.WebAclArn | None = None
    cloudfront_prefix_list_id: shapes.PrefixListId
    open_prefect_machine_api: bool

    ci_issuer: Literal["circleci", "github", "both"]
    circleci_organization_id: shapes.Uuid | None = None
    circleci_project_id: shapes.Uuid | None = None
    circleci_repository: shapes.SourceRepository | None = None
    circleci_provider_managed: bool
    github_repository: shapes.GithubRepository | None = None
    github_provider_managed: bool

    state_bucket: shapes.BucketName | None = None
    state_key_arn: shapes.KeyArn | None = None
    preview_reads_state: bool

    bucket_suffix: shapes.BucketSuffix
    secret_recovery_days: shapes.RecoveryDays
    role_path: shapes.RolePath
    immutable: dict[str, Any]
    kept_differences: shapes.KeptDifferences = ()

    origin_header_secret: shapes.HeaderSecret
    previous_origin_header_secret: shapes.HeaderSecret | None = None

    @property
    def account(self) -> str:
        """The only account that the stack can touch."""
        return self.allowed_account_ids[0]

    def names(self, project: str, environment: str) -> Names:
        """Return the names of an environment of a project with these settings."""
        path = self.role_path.replace("${project}", project).replace("${environment}", environment)
        return Names(
            project,
            environment,
            self.account,
            self.region,
            self.partition,
            self.host_style,
            self.bucket_suffix,
            path,
            immutable.read(self.immutable),
        )


FIELDS: Final = {field.alias or name: field for name, field in Settings.model_fields.items()}
"""Key, without the project's name -> field."""

SECRET_KEYS: Final = tuple(key for key, field in FIELDS.items() if is_secret(field))
"""The keys whose values must be stored as Pulumi secrets."""

LONGEST_HOST: Final = 64
"""Maximum length of a certificate's first name:
https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html. It also keeps the comment of each
validation record within Cloudflare's 100 characters:
https://developers.cloudflare.com/dns/manage-dns-records/reference/record-attributes/"""


def load() -> tuple[Settings, Names]:
    """Read the settings of the running stack, and the names that follow from them.

    Raises:
        pulumi.RunError: one or more keys are missing, unknown or wrong; all of them are listed.
    """
    import pulumi  # imported here: most commands only parse settings, and don't need the SDK

    project, environment = pulumi.get_project(), pulumi.get_stack()
    config, secret_keys = pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
    try:
        settings = parse(project, environment, config, secret_keys)
    except ConfigurationError as error:
        refused = pulumi.RunError(str(error))
        vars(refused)["exit_code"] = error.exit_code
        raise refused from None
    return settings, settings.names(project, environment)


def parse(project: str, environment: str, config: Mapping[str, str], secret_keys: Iterable[str] = ()) -> Settings:
    """Validate a stack's configuration.

    Args:
        project: The project's name.
        environment: The stack's name.
        config: Full key (`namespace:key`) to value; lists and mappings are JSON text, as Pulumi hands them over.
        secret_keys: The keys that are stored as secrets.

    Raises:
        ConfigurationError: one or more keys are missing, unknown or wrong; all of them are listed.
    """
    given, problems = _given(project, config)
    try:
        shapes.ENVIRONMENT(environment)
    except ValueError as error:
        problems.insert(0, f"stack name: `{environment}` can't be an environment; {error}")
    stored_secrets = {key.removeprefix(f"{project}:") for key in secret_keys}
    problems += [
        f"{key}: is stored in plain text; accepted: a value set with `--secret`"
        for key in SECRET_KEYS
        if key in given and key not in stored_secrets
    ]
    misplaced, missing = workload_settings.misplaced_keys(given)
    problems += [*misplaced, *(missing_key(key, FIELDS) for key in missing)]
    given = workload_settings.completed(given, environment)
    try:
        settings = Settings.model_validate(given, context={"environment": environment})
    except ValidationError as error:
        raise ConfigurationError(environment, problems + refused_values(error, FIELDS)) from None
    problems += _contradictions(settings, settings.names(project, environment))
    if problems:
        raise ConfigurationError(environment, problems)
    return settings


def _given(project: str, config: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values by key, and the problems with the keys themselves."""
    given: dict[str, Any] = {}
    problems = []
    prefix = f"{project}:"
    for full_key, text in config.items():
        key = full_key.removeprefix(prefix)
        if key not in FIELDS:
            if full_key.startswith(prefix):
                problems.append(unknown_key(key, FIELDS))
        elif is_structured(FIELDS[key]):
            given[key] = _structure(text)
        elif text or FIELDS[key].is_required():
            given[key] = text
    return given, problems


def _structure(text: str) -> Any:  # noqa: ANN401 - whatever the JSON text holds
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _contradictions(settings: Settings, names: Names) -> list[str]:
    """Describe the problems of values that are valid by themselves but don't fit together."""
    problems = []
    hosts = [names.host(label, settings.domain) for label in (ORIGIN_LABEL, *(one.label for one in APPLICATIONS))]
    longest = max(hosts, key=len)
    if len(longest) > LONGEST_HOST:
        fitting = len(settings.domain) + LONGEST_HOST - len(longest)
        problems.append(
            f"domain: `{settings.domain}` leads to the host {longest} of {len(longest)} characters; accepted: a domain "
            f"of at most {fitting} characters, so that no host has more than a certificate's limit of {LONGEST_HOST}"
        )
    for ci, keys in _TOKEN_FIELDS.items():
        if settings.ci_issuer in (ci, "both"):
            problems += [
                f"{to_camel(key)}: is missing; accepted: a value, or a ciIssuer that isn't {ci}"
                for key in keys
                if not getattr(settings, key)
            ]
    if settings.only_cloudflare_viewers and settings.web_acl_arn:
        problems.append(
            "webAclArn: can't be combined with onlyCloudflareViewers, which creates a web ACL; set that to `false`, or "
            "leave webAclArn empty"
        )
    problems += _state_contradictions(settings, names)
    problems += workload_settings.contradictions(settings)
    problems += immutable.problems(settings.immutable, names)
    if settings.previous_origin_header_secret == settings.origin_header_secret:
        problems.append("previousOriginHeaderSecret: is the current secret; accepted: the one before it, or nothing")
    return problems


_TOKEN_FIELDS: Final = {
    "circleci": ("circleci_organization_id", "circleci_project_id", "circleci_repository"),
    "github": ("github_repository",),
}
"""CI -> the fields that say which of its tokens are trusted."""


def _state_contradictions(settings: Settings, names: Names) -> list[str]:
    """Describe the problems of settings about the state that don't fit together."""
    bucket, key = settings.state_bucket, settings.state_key_arn
    problems = []
    if bool(bucket) != bool(key):
        missing, given = ("stateKeyArn", "stateBucket") if bucket else ("stateBucket", "stateKeyArn")
        problems.append(
            f"{missing}: is missing, but {given} is set; accepted: both or neither; `operations bootstrap` sets them"
        )
    if key and not key.startswith(names.key_arn("")):
        problems.append(
            f"stateKeyArn: `{key}` is in another account, region or partition; accepted: {names.key_arn('ID')}, "
            "since S3 needs a key in its own region"
        )
    if bucket and bucket.startswith(names.resource("")):
        problems.append(
            f"stateBucket: `{bucket}` is named like the stack's own buckets, but isn't one; accepted: a name that "
            f"doesn't begin with {names.resource('')}"
        )
    if settings.preview_reads_state and not bucket:
        problems.append("previewReadsState: `true` needs stateBucket and stateKeyArn; accepted: all three, or `false`")
    return problems


def placeholders() -> Mapping[str, str]:
    """Return a value of the right shape for each secret key, for plans without the real values.

    Keys are without the project's name. The values are all different and look random, as the gate requires of the real
    ones.
    """
    return {key: sha256(f"{number:064x}".encode()).hexdigest() for number, key in enumerate(SECRET_KEYS)}
