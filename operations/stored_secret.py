"""One secret in Secrets Manager: its versions, their labels and its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr

from operations.aws import calls
from stackfiles.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT = "AWSCURRENT"
PREVIOUS = "AWSPREVIOUS"


@dataclass(frozen=True)
class Versions:
    """What is known of a secret without its value: its ARN, and label -> version id."""

    arn: str
    labels: dict[str, str]


class StoredSecret:
    """A secret, found by `identifier`: its friendly name or its full ARN.

    Every method raises `Failure` when AWS refuses or doesn't answer; `name` is what the failure calls the secret.
    """

    def __init__(self, client: SecretsManagerClient, name: str, identifier: str = "") -> None:
        self.name = name
        self._client = client
        self._id = identifier or name

    def versions(self) -> Versions | None:
        """Return the secret's versions, or None if there is no such secret."""
        with calls(self.name):
            try:
                answer = self._client.describe_secret(SecretId=self._id)
            except self._client.exceptions.ResourceNotFoundException:
                return None
        if answer.get("DeletedDate"):
            raise Failure(
                f"{self.name}: is marked for deletion; bring it back with `aws secretsmanager restore-secret`"
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
            raise Failure(f"{self.name}: holds bytes; accepted: text")
        return SecretStr(answer["SecretString"])

    def add(self, value: SecretStr, label: str = CURRENT, token: str = "") -> bool:
        """Add a version with a label, unless there is one with this token; tell whether it was added.

        A token makes the call safe to repeat, with another value too: the first one stays
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
        """Move a label between versions; without a target it is taken away."""
        target = {"MoveToVersionId": to} if to else {}
        source = {"RemoveFromVersionId": away_from} if away_from else {}
        with calls(self.name):
            try:
                self._client.update_secret_version_stage(SecretId=self._id, VersionStage=label, **target, **source)
            except self._client.exceptions.InvalidParameterException:
                # Sent again after its answer got lost, the call finds its work done.
                versions = self.versions()
                if versions is None or versions.labels.get(label, "") != to:
                    raise
