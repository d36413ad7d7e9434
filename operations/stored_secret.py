"""One secret in Secrets Manager: its versions, their labels and its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from components.catalogue import Secret
from operations.aws import calls
from operations.stack import Stack
from stackfiles.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"


@dataclass(frozen=True)
class Versions:
    """A secret without its value: its ARN, and label -> version id."""

    arn: str
    labels: dict[str, str]


class StoredSecret:
    """A secret, found by `identifier`: its friendly name or its full ARN.

    Every method raises `Failure` when AWS refuses or doesn't answer; the message calls the secret `name`.
    """

    def __init__(self, client: SecretsManagerClient, name: str, identifier: str = "") -> None:
        self.name = name
        self._client = client
        self._id = identifier or name

    def versions(self) -> Versions | None:
        """Return the secret's versions, or None if there is no such secret.

        Raises:
            Failure: also if the secret is marked for deletion.
        """
        with calls(self.name):
            try:
                answer = self._client.describe_secret(SecretId=self._id)
            except self._client.exceptions.ResourceNotFoundException:
                return None
        if answer.get("DeletedDate"):
            raise Failure(
                f"{self.name}: marked for deletion; restore it with "
                f"`aws secretsmanager restore-secret --secret-id {self._id}`, then run this again"
            )
        stages = answer.get("VersionIdsToStages", {})
        return Versions(answer["ARN"], {label: version for version, labels in stages.items() for label in labels})

    def value(self, label: str = CURRENT) -> SecretStr | None:
        """Return the value of the version with a label, or None if no version has it."""
        with calls(self.name):
            try:
                answer = self._client.get_secret_value(SecretId=self._id, VersionStage=label)
            except self._client.exceptions.ResourceNotFoundException:
                return None
        if "SecretString" not in answer:
            raise Failure(f"{self.name}: a binary value; accepted: text")
        return SecretStr(answer["SecretString"])

    def add(self, value: SecretStr, label: str = CURRENT, token: str = "") -> bool:
        """Add a version with a label, unless there is one with this token; return whether it was added.

        A token makes the call safe to repeat, even with another value: the first value stays
        (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html).
        """
        given = {"ClientRequestToken": token} if token else {}
        with calls(self.name):
            try:
                self._client.put_secret_value(
                    SecretId=self._id, SecretString=value.get_secret_value(), VersionStages=[label], **given
                )
            except self._client.exceptions.ResourceExistsException:
                return False
        return True

    def move(self, label: str, to: str = "", away_from: str = "") -> None:
        """Move a label between versions; without a target, remove it."""
        target = {"MoveToVersionId": to} if to else {}
        source = {"RemoveFromVersionId": away_from} if away_from else {}
        with calls(self.name):
            try:
                self._client.update_secret_version_stage(SecretId=self._id, VersionStage=label, **target, **source)
            except self._client.exceptions.InvalidParameterException:
                # A call that is repeated because its answer got lost fails, but the label is where it should be.
                versions = self.versions()
                if versions is None or versions.labels.get(label, "") != to:
                    raise


def stored_secret(stack: Stack, client: SecretsManagerClient, secret: Secret) -> StoredSecret:
    """Return a secret of the catalogue as a stored secret.

    Kinde's is addressed by its full ARN: its name ends in a hyphen and six letters, as the end of an ARN does, which
    confuses Secrets Manager.
    """
    name = secret.name(stack.names)
    configured = stack.settings.kinde_client_secret
    return StoredSecret(client, name, stack.names.secret_arn(configured) if configured.startswith(f"{name}-") else "")
