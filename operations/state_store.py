"""Creates or completes the bucket and the KMS key for a stack's state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from botocore.exceptions import ClientError

from components.iam_documents import VERSION, bucket_policy
from components.naming import Names
from operations.aws import Aws, calls
from operations.stack import Stack
from operations.verdicts import Check, Verdict
from stackfiles.failures import Failure

_COMPONENT: Final = "state"
"""The key's tag `Component`, which identifies a key that has no alias yet."""


def default_bucket(names: Names) -> str:
    """Return the bucket's default name; it contains the account's id, so it is unlikely to be taken."""
    return f"{names.project}-state-{names.environment}-{names.account}"


def key_alias(names: Names) -> str:
    """Return the alias of the key."""
    return f"alias/{names.project}-state-{names.environment}"


def key_policy(names: Names) -> dict[str, Any]:
    """Return the key's policy: the account's IAM policies decide who can use it, and nobody outside the account can.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    statement = {
        "Sid": "LetIamDecide",
        "Effect": "Allow",
        "Principal": {"AWS": names.account_arn},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": VERSION, "Statement": [statement]}


@dataclass(frozen=True)
class _Part:
    """One part that has to be set: how to read it (None: not set), the wanted value, and how to write it."""

    key: str
    title: str
    read: Callable[[], Any]
    wanted: Any
    write: Callable[[], object]


@dataclass(frozen=True)
class StateStore:
    """The bucket and key of one stack. A dry run writes nothing."""

    stack: Stack
    aws: Aws
    bucket: str
    dry_run: bool

    def set_up_key(self) -> tuple[str, list[Verdict]]:
        """Create or complete the key; return its ARN (empty if a dry run would create it), and what was done.

        Raises:
            Failure: AWS refused or didn't answer, or the key can't be used.
        """
        client = self.aws.keys()
        names, alias = self.stack.names, key_alias(self.stack.names)
        check = Check("key", f"key {alias}")
        with calls(check.subject):
            found = self._find_key(client, alias)
            if found is None and self.dry_run:
                return "", [check.undecided("would be created, with rotation and the policy that lets IAM decide")]
            made = found is None
            key = (
                found
                or client.create_key(
                    Description=f"Encrypts the Pulumi state of {names.environment}",
                    Policy=json.dumps(key_policy(names)),
                    Tags=[{"TagKey": name, "TagValue": value} for name, value in names.tags(_COMPONENT).items()],
                )["KeyMetadata"]
            )
            arn = str(key["Arn"])
            if wrong := _unusable(key):
                raise Failure(f"{check.subject}: {arn} {wrong}")
            done = [check.passed(f"created: {arn}" if made else f"exists: {arn}")]
            return arn, [*done, *(self._complete(part) for part in self._key_parts(client, arn, alias))]

    def _find_key(self, client: Any, alias: str) -> Mapping[str, Any] | None:  # noqa: ANN401 - boto3 makes it
        """Return the key of the settings, or with the alias, or one without alias that an interrupted run created."""
        given = self.stack.settings.state_key_arn
        if key := _describe(client, given or alias):
            return key
        if given:
            raise Failure(
                f"stateKeyArn: there is no key {given}; accepted: one of the account, or neither stateKeyArn nor "
                "stateBucket, to create both"
            )
        wanted = self.stack.names.tags(_COMPONENT).items()
        for page in client.get_paginator("list_keys").paginate():
            for listed in page["Keys"]:
                try:
                    tags = client.list_resource_tags(KeyId=listed["KeyId"])["Tags"]
                except ClientError as error:
                    if error.response["Error"]["Code"] != "AccessDeniedException":
                        raise
                    continue  # its key policy denies access, so this command didn't create it
                if wanted <= {tag["TagKey"]: tag["TagValue"] for tag in tags}.items():
                    return _describe(client, listed["KeyId"])
        return None

    def _key_parts(self, client: Any, arn: str, alias: str) -> Iterator[_Part]:  # noqa: ANN401 - boto3 makes it
        def aliases() -> list[str]:
            pages = client.get_paginator("list_aliases").paginate(KeyId=arn)
            return [entry["AliasName"] for page in pages for entry in page["Aliases"]]

        def policy() -> Any:  # noqa: ANN401 - any JSON
            return json.loads(client.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])

        wanted = key_policy(self.stack.names)
        yield _Part(
            "key/alias", "alias", aliases, [alias], lambda: client.create_alias(AliasName=alias, TargetKeyId=arn)
        )
        yield _Part(
            "key/rotation",
            "yearly rotation",
            lambda: client.get_key_rotation_status(KeyId=arn)["KeyRotationEnabled"],
            wanted=True,
            write=lambda: client.enable_key_rotation(KeyId=arn),
        )
        yield _Part(
            "key/policy",
            "policy",
            policy,
            wanted,
            lambda: client.put_key_policy(KeyId=arn, PolicyName="default", Policy=_with_statements(policy(), wanted)),
        )

    def set_up_bucket(self, key_arn: str) -> list[Verdict]:
        """Create or complete the bucket, encrypted with a key; return what was done.

        Raises:
            Failure: AWS refused or didn't answer, or the bucket belongs to another account or is in another region.
        """
        client: Any = self.aws.buckets()
        settings = self.stack.settings
        check = Check("bucket", f"bucket {self.bucket}")
        with calls(check.subject):
            region = self._find_bucket(client, check)
            if region and region != settings.region:
                raise Failure(f"{check.subject} is in {region}; accepted: {settings.region}, where the key is")
            if not region and self.dry_run:
                return [check.undecided("would be created: private, versioned, encrypted with the key, TLS only")]
            if not region:
                self._make_bucket(client, check)
            done = [check.passed("exists" if region else "created")]
            return [*done, *(self._complete(part) for part in self._bucket_parts(client, key_arn))]

    def _find_bucket(self, client: Any, check: Check) -> str:  # noqa: ANN401 - boto3 makes it
        """Return the bucket's region, empty if there is no such bucket."""
        try:
            answer = client.head_bucket(Bucket=self.bucket, ExpectedBucketOwner=self.stack.settings.account)
        except ClientError as error:
            match error.response["ResponseMetadata"]["HTTPStatusCode"]:
                case HTTPStatus.NOT_FOUND:
                    return ""
                case HTTPStatus.FORBIDDEN:
                    raise _taken(check) from None
            raise
        return str(answer.get("BucketRegion") or self.stack.settings.region)

    def _make_bucket(self, client: Any, check: Check) -> None:  # noqa: ANN401 - boto3 makes it
        region = self.stack.settings.region
        # Without a location constraint, a bucket is created in us-east-1:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        try:
            client.create_bucket(Bucket=self.bucket, **place)
        except client.exceptions.BucketAlreadyOwnedByYou:
            return
        except client.exceptions.BucketAlreadyExists:
            raise _taken(check) from None

    def _bucket_parts(self, client: Any, key_arn: str) -> Iterator[_Part]:  # noqa: ANN401 - boto3 makes it
        owned = {"Bucket": self.bucket, "ExpectedBucketOwner": self.stack.settings.account}

        def part(title: str, operation: str, name: str, wanted: Any, member: str = "") -> _Part:  # noqa: ANN401
            def read() -> Any:  # noqa: ANN401 - any configuration
                answer = _unless_missing(lambda: getattr(client, f"get_{operation}")(**owned))
                return answer.get(member) if member and answer else answer

            write = getattr(client, f"put_{operation}")
            return _Part(f"bucket/{operation}", title, read, wanted, lambda: write(**owned, **{name: wanted}))

        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        block, owner, seal = (
            "PublicAccessBlockConfiguration",
            "OwnershipControls",
            "ServerSideEncryptionConfiguration",
        )
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn}
        encrypted = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]}
        enforced = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        yield part("no public access", "public_access_block", block, dict.fromkeys(closed, True), block)
        yield part("owned by the account", "bucket_ownership_controls", owner, enforced, owner)
        yield part("encrypted with the key", "bucket_encryption", seal, encrypted, seal)
        yield part("versioned", "bucket_versioning", "VersioningConfiguration", {"Status": "Enabled"})

        def policy() -> Any:  # noqa: ANN401 - any JSON
            answer = _unless_missing(lambda: client.get_bucket_policy(**owned))
            return json.loads(answer["Policy"]) if answer else None

        wanted = json.loads(bucket_policy(self.stack.names, self.bucket))
        yield _Part(
            "bucket/policy",
            "TLS only",
            policy,
            wanted,
            lambda: client.put_bucket_policy(**owned, Policy=_with_statements(policy(), wanted)),
        )

    def _complete(self, part: _Part) -> Verdict:
        """Write a part unless it already has the wanted value."""
        check = Check(part.key, f"{part.key.partition('/')[0]}: {part.title}")
        if _includes(part.read(), part.wanted):
            return check.passed("yes")
        if self.dry_run:
            return check.undecided("would be set")
        part.write()
        return check.passed("set")


def _taken(check: Check) -> Failure:
    return Failure(
        f"{check.subject} belongs to another account, or these credentials aren't allowed to see it (s3:ListBucket). "
        "If it belongs to another account, choose another name with --bucket"
    )


def _unusable(key: Mapping[str, Any]) -> str:
    """Return what is wrong with a key, empty if it can be used."""
    if key["KeyState"] == "PendingDeletion":
        return "is scheduled for deletion; restore it with `aws kms cancel-key-deletion` and `aws kms enable-key`"
    if key["KeyState"] != "Enabled":
        return f"is {key['KeyState']}; accepted: Enabled (`aws kms enable-key`)"
    if key.get("KeySpec", "SYMMETRIC_DEFAULT") != "SYMMETRIC_DEFAULT":
        return f"has the key spec {key['KeySpec']}; accepted: SYMMETRIC_DEFAULT"
    return ""


def _describe(client: Any, key: str) -> Mapping[str, Any] | None:  # noqa: ANN401 - boto3 makes it
    try:
        described: Mapping[str, Any] = client.describe_key(KeyId=key)["KeyMetadata"]
    except client.exceptions.NotFoundException:
        return None
    return described


_MISSING: Final = {
    "NoSuchBucketPolicy",
    "NoSuchPublicAccessBlockConfiguration",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
}


def _unless_missing(read: Callable[[], Any]) -> Any:  # noqa: ANN401 - what AWS answers
    """Return AWS's answer, or None if it says that nothing is set."""
    try:
        return read()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        return None


def _includes(found: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether a configuration includes all that is wanted. AWS may add to it; statement ids are ignored."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name == "Sid" or _includes(found.get(name), value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        entries = found if isinstance(found, list) else [found]
        return all(any(_includes(entry, one) for entry in entries) for one in wanted)
    return bool(found == wanted)


def _with_statements(document: Any, wanted: Mapping[str, Any]) -> str:  # noqa: ANN401 - any JSON
    """Return a policy with the wanted statements added to its own."""
    own = document["Statement"] if document else []
    own = own if isinstance(own, list) else [own]
    more = [statement for statement in wanted["Statement"] if not any(_includes(one, statement) for one in own)]
    return json.dumps({**wanted, "Statement": [*own, *more]})
