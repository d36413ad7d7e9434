"""`bootstrap` creates everything once, and a run that broke off anywhere can simply be started again."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
import yaml
from moto.kms.models import kms_backends
from moto.s3.models import s3_backends

from tests.operations.cloud import ACCOUNT, REGION, fault_at, fault_of
from tests.operations.conftest import BY_HAND, KINDE_SECRET, Bench, Outcome

BUCKET: Final = f"rocketclub-platform-state-prod-{ACCOUNT}"
ALIAS: Final = "alias/rocketclub-platform-state-prod"
FAULT: Final = "PULUMI_DOUBLE_FAULT"
DOUBLE: Final = Path(__file__).with_name("pulumi_double.sh")


@dataclass(frozen=True)
class Fresh:
    """A stack without anything: no bucket, no key, no stack, no secret."""

    bench: Bench
    original: str
    """The original text of the stack's file."""

    @property
    def file(self) -> Path:
        return self.bench.project / "Pulumi.prod.yaml"

    @property
    def kept(self) -> Path:
        return self.bench.project / "cli" / "kept"

    @property
    def cli_calls(self) -> list[str]:
        calls = self.kept / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    @property
    def changed(self) -> list[str]:
        """The calls of the CLI that change the stack or its file."""
        return [call for call in self.cli_calls if call.startswith(CHANGING)]

    def run(self, *arguments: str) -> Outcome:
        """Run the command; no run may show the header secret."""
        outcome = self.bench.run("bootstrap", *arguments)
        if self.header:
            assert self.header not in outcome.out + outcome.err + self.bench.log.text
        return outcome

    @property
    def header(self) -> str:
        """The header secret that the CLI was given."""
        kept = self.kept / "secret"
        return kept.read_text() if kept.exists() else ""

    def start_over(self) -> None:
        self.bench.cloud.empty()
        shutil.rmtree(self.kept, ignore_errors=True)
        self.file.write_text(self.original)
        self.bench.patch.delenv(FAULT, raising=False)

    def config(self, key: str) -> Any:  # noqa: ANN401 - as YAML has it
        return yaml.safe_load(self.file.read_text())["config"].get(f"rocketclub-platform:{key}")


@pytest.fixture
def fresh(bench: Bench) -> Fresh:
    cli = bench.project / "cli" / "pulumi"
    cli.write_text(DOUBLE.read_text())
    for name in ("PULUMI_BACKEND_URL", FAULT):
        bench.patch.delenv(name, raising=False)
    made = Fresh(bench, (bench.project / "Pulumi.prod.yaml").read_text())
    made.start_over()
    return made


@cache
def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes it
    """A client for the tests themselves, created once."""
    return boto3.session.Session().client(service, REGION)  # type: ignore[call-overload]


def keys() -> list[Any]:
    """The account's keys, as moto's objects."""
    return list(kms_backends[ACCOUNT][REGION].keys.values())


def made() -> dict[str, Any]:
    """What a complete bootstrap leaves in the account."""
    s3, kms = client("s3"), client("kms")
    (key,) = keys()
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    return {
        "key": key.arn,
        "alias": kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"],
        "rotation": kms.get_key_rotation_status(KeyId=key.id)["KeyRotationEnabled"],
        "key policy": json.loads(kms.get_key_policy(KeyId=key.id, PolicyName="default")["Policy"])["Statement"],
        "versions": s3.get_bucket_versioning(Bucket=BUCKET)["Status"],
        "closed": s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"],
        "owner": s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"],
        "encryption": rule,
        "bucket policy": json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"],
    }


def test_the_first_run_creates_everything(fresh: Fresh) -> None:
    outcome = fresh.run()
    assert outcome.code == 0, outcome.text
    found = made()
    assert found["key"] == found["alias"] == fresh.config("stateKeyArn")
    assert found["rotation"] is True
    (opened,) = found["key policy"]
    assert opened["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert found["versions"] == "Enabled"
    assert set(found["closed"].values()) == {True}
    assert len(found["closed"]) == 4
    assert found["owner"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": found["key"]}
    assert found["encryption"] == {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    (denied,) = found["bucket policy"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert fresh.config("stateBucket") == BUCKET
    document = yaml.safe_load(fresh.file.read_text())
    assert document["secretsprovider"] == f"awskms:///{found['key']}?region={REGION}"
    assert {call.rpartition(" at ")[2] for call in fresh.cli_calls} == {f"s3://{BUCKET}?region={REGION}"}
    assert len(bytes.fromhex(fresh.header)) == 32
    assert "EXAMPLE" not in json.dumps(fresh.config("originHeaderSecret"))
    assert not any(fresh.header in call for call in fresh.cli_calls)
    assert "policies.inventory.agreement write --stack prod" in outcome.out


def test_a_second_run_changes_nothing(fresh: Fresh) -> None:
    fresh.run()
    before, file, header = made(), fresh.file.read_text(), fresh.header
    fresh.bench.cloud.reset()
    calls = len(fresh.cli_calls)
    outcome = fresh.run()
    assert outcome.code == 0, outcome.text
    assert (made(), fresh.file.read_text(), fresh.header) == (before, file, header)
    assert [call.partition(" --")[0] for call in fresh.cli_calls[calls:]] == [
        "stack export",
        "config get originHeaderSecret",
    ]
    assert fresh.bench.cloud.written == 0


CHANGING: Final = ("stack init", "config set")


def test_a_dry_run_writes_nothing(fresh: Fresh) -> None:
    outcome = fresh.run("--dry-run", "--secrets")
    assert outcome.code == 0, outcome.text
    assert "would be created" in outcome.text
    assert keys() == []
    assert BUCKET not in s3_backends[ACCOUNT]["aws"].buckets
    assert fresh.file.read_text() == fresh.original
    assert fresh.cli_calls == []
    fresh.run()
    again = fresh.run("--dry-run")
    assert "open" not in again.text.replace("opens", "")


def ways(fresh: Fresh) -> list[tuple[str, int, str]]:
    """All ways to break off: before each call of AWS and of the CLI, and after each that may write."""
    aws = [("aws", *way) for way in fresh.bench.cloud.breaks()]
    cli = [
        ("cli", number, kind)
        for number, call in enumerate(fresh.cli_calls, start=1)
        for kind in ("before", *(["after"] if call in fresh.changed else []))
    ]
    (init,) = [number for number, call in enumerate(fresh.cli_calls, start=1) if call.startswith("stack init")]
    return [*aws, *cli, ("cli", init, "between")]


@pytest.mark.parametrize("step", [8, pytest.param(1, marks=pytest.mark.nightly)], ids=["some", "all"])
def test_a_run_that_broke_off_at_any_call_can_be_repeated(fresh: Fresh, step: int) -> None:
    """Each change tries every eighth way, and the one that leaves a half-made stack."""
    assert fresh.run("--secrets").code == 0
    every = ways(fresh)
    wanted = made() | {"key": "", "alias": "", "encryption": ""}
    assert len(every) >= 50
    tried = set()
    for who, number, kind in [*every[:-1:step], every[-1]]:
        fresh.start_over()
        if who == "aws":
            fresh.bench.cloud.fault = fault_at(number, kind)
        else:
            fresh.bench.patch.setenv(FAULT, f"{number} {kind}")
        broken = fresh.run("--secrets")
        assert broken.code == 1, (who, number, kind, broken.text)
        assert broken.err.startswith("error: "), (who, number, kind, broken.err)
        # If nothing was written since an earlier break, the next run would be the same.
        left = (fresh.bench.cloud.written, len(fresh.changed), kind if who == "cli" else "")
        if left in tried:
            continue
        tried.add(left)
        header = fresh.header
        fresh.bench.cloud.fault = fault_at(0, "")
        fresh.bench.patch.delenv(FAULT, raising=False)
        again = fresh.run("--secrets")
        assert again.code == 0, (who, number, kind, again.text)
        found = made()
        assert found | {"key": "", "alias": "", "encryption": ""} == wanted, (who, number, kind)
        assert found["key"] == found["alias"] == fresh.config("stateKeyArn"), (who, number, kind)
        assert found["encryption"]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == found["key"]
        assert header in ("", fresh.header) or "EXAMPLE" in broken.text, (who, number, kind)
        assert set(stored()) == set(BY_HAND), (who, number, kind)
    assert len(tried) >= 25 // step


def stored() -> list[str]:
    return [one["Name"] for one in client("secretsmanager").list_secrets()["SecretList"]]


def test_containers_for_secrets_filled_by_hand_are_created(fresh: Fresh) -> None:
    outcome = fresh.run("--secrets")
    assert outcome.code == 0, outcome.text
    assert set(stored()) == set(BY_HAND)
    assert all(fresh.bench.cloud.labels(name) == {} for name in BY_HAND)
    arn = client("secretsmanager").describe_secret(SecretId=KINDE_SECRET)["ARN"]
    assert fresh.config("kindeClientSecret") == arn.partition(":secret:")[2]
    for name, value in BY_HAND.items():
        assert f"put-secret-value --secret-id {name} " in outcome.text
        fresh.bench.cloud.put(name, value)
    again = fresh.run("--secrets")
    assert again.code == 0
    assert "put-secret-value" not in again.text
    assert all(fresh.bench.cloud.labels(name) == {"AWSCURRENT": value} for name, value in BY_HAND.items())


def test_a_bucket_of_another_account_is_refused(fresh: Fresh) -> None:
    fresh.bench.cloud.fault = fault_of(f"/{BUCKET}", "forbidden")
    outcome = fresh.run()
    assert outcome.code == 1
    assert f"bucket {BUCKET} belongs to another account, or these credentials aren't allowed to see it" in outcome.err
    assert fresh.cli_calls == []


def test_a_bucket_name_taken_meanwhile_is_reported(fresh: Fresh) -> None:
    seen: list[str] = []

    def taken(_: int, operation: str) -> str:
        seen.extend([operation] if operation == f"/{BUCKET}" else [])
        return "BucketAlreadyExists" if operation == f"/{BUCKET}" and len(seen) == 2 else ""

    fresh.bench.cloud.fault = taken
    outcome = fresh.run()
    assert outcome.code == 1
    assert "choose another name with --bucket" in outcome.err
    assert fresh.run("--bucket", "another-bucket").code == 0
    assert fresh.config("stateBucket") == "another-bucket"


def test_a_bucket_created_by_hand_is_completed_and_keeps_its_policy(fresh: Fresh) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    own = {
        "Sid": "Auditors",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/auditor"},
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{BUCKET}",
    }
    s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Version": "2012-10-17", "Statement": own}))
    assert fresh.run().code == 0
    statements = made()["bucket policy"]
    assert [statement["Sid"] for statement in statements] == ["Auditors", "DenyPlainHttp"]


def test_a_bucket_in_another_region_is_refused(fresh: Fresh) -> None:
    place: Any = {"LocationConstraint": "eu-west-1"}
    boto3.client("s3", "eu-west-1").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=place)
    outcome = fresh.run()
    assert outcome.code == 1
    assert f"bucket {BUCKET} is in eu-west-1; accepted: eu-central-1" in outcome.err


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("PendingDeletion", "is scheduled for deletion; restore it with `aws kms cancel-key-deletion`"),
        ("Disabled", "is Disabled; accepted: Enabled"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(fresh: Fresh, state: str, said: str) -> None:
    fresh.run()
    kms = client("kms")
    key = kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key) if state == "PendingDeletion" else kms.disable_key(KeyId=key)
    outcome = fresh.run()
    assert outcome.code == 1
    assert said in outcome.err


def test_a_foreign_account_is_left_alone(fresh: Fresh) -> None:
    fresh.bench.configure(aws__allowedAccountIds=["210987654321"])
    outcome = fresh.run("--secrets")
    assert (outcome.code, fresh.bench.cloud.calls, fresh.cli_calls) == (2, ["/"], [])
    assert f"the credentials belong to account {ACCOUNT}; accepted: 210987654321" in outcome.err


def test_a_shell_with_another_region_is_refused(fresh: Fresh) -> None:
    fresh.bench.patch.setenv("AWS_DEFAULT_REGION", REGION)
    fresh.bench.configure(aws__region="eu-west-1")
    outcome = fresh.run()
    assert (outcome.code, fresh.cli_calls) == (2, [])
    assert "the shell's region is eu-central-1; accepted: eu-west-1, the stack's own" in outcome.err


def test_a_missing_cli_is_reported(fresh: Fresh) -> None:
    fresh.bench.patch.setenv("PATH", os.devnull)
    outcome = fresh.run()
    assert (outcome.code, fresh.bench.cloud.calls) == (2, [])
    assert "`pulumi` isn't on the path" in outcome.err


def test_a_shell_with_another_backend_is_refused(fresh: Fresh) -> None:
    fresh.bench.patch.setenv("PULUMI_BACKEND_URL", "file://./elsewhere")
    outcome = fresh.run()
    assert (outcome.code, fresh.bench.cloud.calls) == (2, [])
    assert f"PULUMI_BACKEND_URL is `file://./elsewhere`; accepted: s3://{BUCKET}?region={REGION}" in outcome.err


def test_a_stack_with_a_passphrase_is_refused(fresh: Fresh) -> None:
    fresh.file.write_text(f"{fresh.original}encryptionsalt: v1:salt\n")
    outcome = fresh.run()
    assert (outcome.code, fresh.cli_calls) == (1, [])
    assert "Pulumi.prod.yaml: a passphrase encrypts its secrets" in outcome.text
    assert f'change-secrets-provider "awskms:///{made()["key"]}' in outcome.text.replace(" arn", "arn")


def test_remaining_examples_are_refused(fresh: Fresh) -> None:
    text = fresh.file.read_text()
    fresh.file.write_text(re.sub("(vpcId|originHeaderSecret|kindeClientSecret):.*", r"\g<0>  # EXAMPLE", text))
    outcome = fresh.run()
    assert (outcome.code, fresh.bench.cloud.calls) == (2, [])
    assert "Pulumi.prod.yaml still has examples: vpcId; accepted: your own values, without the marks" in outcome.err


def test_a_stack_with_another_key_is_refused(fresh: Fresh) -> None:
    fresh.run()
    text = fresh.file.read_text()
    fresh.file.write_text(text.replace("awskms:///", "awskms:///another"))
    outcome = fresh.run()
    assert outcome.code == 1
    assert "Pulumi.prod.yaml has another secrets provider, awskms:///another" in outcome.text


def test_a_stack_whose_file_lacks_its_secrets_provider_is_refused(fresh: Fresh) -> None:
    fresh.run()
    resources = {"version": 3, "deployment": {"resources": [{"urn": "urn:pulumi:prod::x::y::z"}]}}
    (fresh.kept / "state").write_text(json.dumps(resources))
    fresh.file.write_text(fresh.original)
    outcome = fresh.run()
    assert outcome.code == 1
    assert "exists and has resources, but Pulumi.prod.yaml lacks `secretsprovider`" in outcome.text


def test_a_header_secret_that_cannot_be_decrypted_is_kept(fresh: Fresh) -> None:
    fresh.run()
    (fresh.kept / "secret").write_text("CanaryNoHeaderSecret")
    file = fresh.file.read_text()
    outcome = fresh.run()
    assert outcome.code == 1
    assert (
        "header secret failed the key doesn't decrypt it, or it isn't 64 lower-case hexadecimal digits" in outcome.text
    )
    assert fresh.file.read_text() == file


def test_contradicting_settings_are_refused(fresh: Fresh) -> None:
    fresh.run()
    outcome = fresh.run("--bucket", "another-bucket")
    assert outcome.code == 2
    assert f"--bucket another-bucket: the stack's file has stateBucket {BUCKET}" in outcome.err
    missing = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-0000-0000-0000-000000000000"
    fresh.file.write_text(fresh.file.read_text().replace(fresh.config("stateKeyArn"), missing))
    outcome = fresh.run()
    assert outcome.code == 1
    assert f"stateKeyArn: there is no key {missing}" in outcome.err
