"""`bootstrap`: creates the backend for a stack's state, the stack in it, and what has to exist before the first `up`.

Each step checks what exists and does only what is missing, so an interrupted run can simply be started again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from components.catalogue import SECRETS, Maker
from operations.aws import Aws, calls
from operations.pulumi_cli import require_cli
from operations.stack import Stack
from operations.state_backend import BACKEND, backend_url
from operations.state_stack import StateStack, provider_url
from operations.state_store import StateStore, default_bucket
from operations.stored_secret import StoredSecret
from operations.verdicts import Check, Outcome, Verdict
from stackfiles.failures import BadConfiguration

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.type_defs import TagTypeDef

_SET_HERE: Final = ("originHeaderSecret", "kindeClientSecret")
_KINDE_SECRET: Final = "kinde/client-secret"
"""The secret of the catalogue whose ARN goes into a setting."""


def run(folder: Path, stack: Stack, aws: Aws, bucket: str, *, secrets: bool, dry_run: bool) -> list[Verdict]:
    """Create or complete the state's key, bucket and stack, the header secret, and, if asked, the secrets made by hand.

    `bucket` names the bucket if the settings don't; empty for the default name.

    Raises:
        Failure: AWS or the CLI refused or didn't answer; run it again to continue.
        BadConfiguration: another account or region, no credentials, no CLI, or the shell names another backend.
    """
    settings, names = stack.settings, stack.names
    require_cli(folder)
    _require_no_examples(stack)
    bucket = _choose_bucket(stack, bucket)
    backend = backend_url(bucket, settings.region)
    _require_backend(backend)
    aws.require_account(settings.account)
    if (own := aws.own_region) and own != settings.region:
        raise BadConfiguration(
            f"the shell's region is {own}; accepted: {settings.region}, the stack's own (AWS_REGION)"
        )
    store = StateStore(stack, aws, bucket, dry_run)
    made = StateStack(folder, names.project, names.environment, backend, dry_run)
    key, found = store.set_up_key()
    found += store.set_up_bucket(key)
    found.append(made.set_up(provider_url(key, settings.region)))
    if found[-1].outcome is Outcome.FAILED:
        return found
    found.append(
        made.set_settings("settings", "settings: stateBucket, stateKeyArn", stateBucket=bucket, stateKeyArn=key)
    )
    found.append(made.set_header_secret())
    return [*found, *(_make_secrets(stack, aws, made, dry_run=dry_run) if secrets else ())]


def _require_no_examples(stack: Stack) -> None:
    """Refuse a stack's file with example values, except for settings that this command writes.

    The CLI may rewrite the whole file, which would lose the `# EXAMPLE` marks.

    Raises:
        BadConfiguration: there are example values.
    """
    left = [one.key for one in stack.examples if one.file.startswith("Pulumi.") and one.key not in _SET_HERE]
    if left:
        raise BadConfiguration(
            f"Pulumi.{stack.names.environment}.yaml still has examples: {', '.join(left)}; accepted: your own values, "
            "without the marks"
        )


def _choose_bucket(stack: Stack, given: str) -> str:
    """Return the name of the state's bucket.

    Raises:
        BadConfiguration: the settings and `given` name different buckets.
    """
    configured = stack.settings.state_bucket
    if configured and given not in ("", configured):
        raise BadConfiguration(f"--bucket {given}: the stack's file has stateBucket {configured}; set only one of them")
    return configured or given or default_bucket(stack.names)


def _require_backend(wanted: str) -> None:
    """Refuse a shell environment that names another backend.

    Raises:
        BadConfiguration: it does.
    """
    given = os.environ.get(BACKEND, "")
    if given and urlsplit(given)[:2] != urlsplit(wanted)[:2]:
        raise BadConfiguration(f"{BACKEND} is `{given}`; accepted: {wanted}, or leave it unset")


def _make_secrets(stack: Stack, aws: Aws, made: StateStack, *, dry_run: bool) -> Iterator[Verdict]:
    """Create the secrets that are made by hand, without a value, if they are missing."""
    client = aws.secrets()
    for secret in SECRETS:
        if secret.maker is not Maker.HAND:
            continue
        name = secret.name(stack.names)
        check = Check(f"secret/{name}", name)
        stored = StoredSecret(client, name)
        versions = stored.versions()
        if versions is None and dry_run:
            yield check.undecided("would be created, empty")
            continue
        if versions is None:
            with calls(name):
                tags: list[TagTypeDef] = [
                    {"Key": key, "Value": text} for key, text in stack.names.tags("secrets").items()
                ]
                arn = client.create_secret(Name=name, Description=secret.purpose, Tags=tags)["ARN"]
        else:
            arn = versions.arn
        told = "exists" if versions else "created"
        filled = bool(versions and versions.labels)
        fill = (
            f"; its value: `aws secretsmanager put-secret-value --secret-id {name} --secret-string file:///dev/stdin`"
        )
        yield check.passed(told if filled else f"{told}, empty{fill} ({secret.shape})")
        if secret.path == _KINDE_SECRET:
            yield _name_kinde_secret(made, arn)


def _name_kinde_secret(made: StateStack, arn: str) -> Verdict:
    """Write the secret's name with its ARN's suffix into the settings, where the load balancer's rules read it."""
    name = arn.partition(":secret:")[2]
    return made.set_settings("settings/kinde", "settings: kindeClientSecret", kindeClientSecret=name)
