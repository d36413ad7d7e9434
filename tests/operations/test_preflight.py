"""`preflight` finds and reports what is wrong, and shows no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import trustme
from moto.acm.models import acm_backends

from operations.checks.images import images
from operations.stack import load
from tests.operations.cloud import ACCOUNT, REGION, fault_of
from tests.operations.conftest import BY_HAND, KINDE_SECRET, Bench
from tests.owner import owned_here
from tests.workloads import LAB

GITHUB = "prod/github/pat/blog_data_ci"
NEO4J = "blog-data/neo4j/credentials"


def test_every_check_passes_when_all_is_well(bench: Bench) -> None:
    bench.fill()
    outcome = bench.run("preflight", "--json")
    assert (outcome.code, outcome.failures) == (0, [])
    checks = json.loads(outcome.out)["checks"]
    assert {*BY_HAND, "account", "region", "Kinde: issuer", "origin certificate"} <= {
        item["subject"] for item in checks
    }
    keys = [item["key"] for item in checks]
    assert len(set(keys)) == len(keys)
    assert {"account", "state", "secret/prod/db/admin", "parameter/prod/infra/park_mode", "acm/viewer"} <= {*keys}
    assert json.loads(outcome.out)["passed"] is True


def test_remaining_examples_are_reported(bench: Bench) -> None:
    bench.fill()
    file = bench.project / "Pulumi.prod.yaml"
    file.write_text(file.read_text().replace("cluster:", "cluster:  # EXAMPLE\n   "))
    outcome = bench.run("preflight", "--json")
    assert outcome.code == 1
    assert outcome.find("examples")["text"] == "still marked EXAMPLE; replace them by your own: cluster"


def test_the_results_are_shown_as_one_table(bench: Bench) -> None:
    outcome = bench.run("preflight")
    assert outcome.code == 1
    assert "prod/db/admin failed has no value; run `python -m operations fill-secrets --stack prod`" in outcome.text
    assert "5 failed" in outcome.text


NOT_ENCODED = (
    "whose user or password has a / ? # @ or % (or another such character) that isn't percent-encoded; accepted: %40"
)


def administrator(name: str, password: str, said: str) -> tuple[str, str]:
    """A value of the administrator's secret, and the message about it."""
    return json.dumps({"username": name, "password": password}), said


# Name of a secret -> (its value, the message about it).
WRONG_VALUES = {
    GITHUB: [
        ("ghp_CanaryShort", "isn't 20 or more letters, digits"),
        ("ghp_CanaryTokenOfGithub0123456789abcdef\n", "has white space or a line break at its beginning or end"),
        ('{"token": "ghp_CanaryTokenOfGithub0123456789abcdef"}', "isn't 20 or more letters, digits"),
        ("   ", "is empty"),
    ],
    "prod/prefect/api-auth": [("CanaryPrefectPassword", "isn't `user:password`")],
    KINDE_SECRET: [
        ("CanaryShort", "isn't 16 or more printable characters"),
        ('{"secret": "CanaryClientSecretBefore0123456789"}', "lacks `client_secret`"),
    ],
    NEO4J: [
        ("neo4j+s://CanaryHost", "isn't JSON"),
        ('["CanaryNeo4j"]', "isn't a JSON object"),
        ('{"uri": "neo4j+s://canary.example.com", "user": "neo4j"}', "lacks the password"),
        (
            '{"uri": "https://canary.example.com", "user": "neo4j", "password": "CanaryNeo4j"}',
            "URL with another scheme",
        ),
        (
            '{"uri": "neo4j+s://c.example.com", "user": "", "password": "CanaryNeo4j"}',
            "has the user name, which must be a text that isn't empty",
        ),
    ],
    "blog-data/cloudinary/credentials": [
        ('{"cloud_name": "canary-cloud", "api_key": "CanaryKey"}', "lacks the API secret")
    ],
    "prod/backstage/database-url": [
        ("mysql://user:CanaryPassword@db.example.com/backstage", "URL with another scheme; accepted: postgresql"),
        ("postgresql://user@db.example.com/backstage", "is a URL without a password"),
        ("postgresql://user:CanaryPassword@db.example.com:port/backstage", "is a URL that can't be read"),
        ("postgresql://user:Canary@ss/word@host:5432/db", NOT_ENCODED),
        ("postgresql://user:Canary@Password@host:5432/db", NOT_ENCODED),
        ("postgresql://user:Canary%ss@host:5432/db", NOT_ENCODED),
        ("postgresql://user:Canary/Password@host:5432/db", NOT_ENCODED),
        ("postgresql://user:Canary#Password@host:5432/db", NOT_ENCODED),
        ("postgresql://user:CanaryPassword@host:5432/db/other", "that doesn't end in one database's name"),
        ("postgresql://user:CanaryPassword@host:0/db", "whose host or port is invalid"),
        ("postgresql+asyncpg://user:CanaryPassword@host/db", "another scheme; accepted: postgresql, postgres"),
    ],
    "prod/prefect/database-url": [
        ("postgresql://user:CanaryPassword@db.example.com/prefect", "another scheme; accepted: postgresql+asyncpg"),
        ("postgresql+asyncpg://user:Canary@Password@host/prefect", NOT_ENCODED),
        (
            "postgresql+asyncpg://user:CanaryPassword@host/prefect?sslmode=require",
            "sslmode, which asyncpg doesn't support",
        ),
    ],
    "prod/backstage/session-secret": [("CanaryTooShortForAKey", "is shorter than 32 bytes")],
    "prod/db/admin": [
        ('{"user": "postgres", "password": "CanaryPassword"}', "lacks `username`"),
        administrator("admin", "CanaryPassword", "has a `username` that is reserved (RDS keeps admin and rdsadmin)"),
        administrator("rdsadmin", "CanaryPassword", "has a `username` that is reserved"),
        administrator("pg_admin", "CanaryPassword", "names that begin with pg_ or rds_"),
        administrator("root_of_all", "CanaryPassword", "1 to 16 lower-case letters and digits"),
        administrator("postgres", "CanaryA/b", 'has a `password` that contains / " @ or a space, which RDS refuses'),
        administrator("postgres", "CanaryA@b", 'has a `password` that contains / " @ or a space, which RDS refuses'),
        administrator("postgres", "CanaryA b", 'has a `password` that contains / " @ or a space, which RDS refuses'),
        administrator("postgres", 'CanaryA"b', 'has a `password` that contains / " @ or a space, which RDS refuses'),
        administrator("postgres", "Canaryé", "characters other than printable ASCII"),
        administrator("postgres", "Canary", "isn't 8 to 41 characters long"),
        administrator("postgres", "Canary" * 7, "isn't 8 to 41 characters long"),
    ],
}


@pytest.mark.parametrize("turn", range(max(map(len, WRONG_VALUES.values()))))
def test_wrongly_shaped_secrets_are_reported(bench: Bench, turn: int) -> None:
    """Each turn gives every secret its next wrong value."""
    wrong = {name: cases[turn] for name, cases in WRONG_VALUES.items() if turn < len(cases)}
    for name, (value, _) in wrong.items():
        bench.cloud.put(name, value)
    outcome = bench.run("preflight", "--json")
    assert outcome.code == 1
    for name, (value, said) in wrong.items():
        found = outcome.check(name)
        assert (found["outcome"], said in found["text"]) == ("failed", True), (name, value, found["text"])


def test_missing_empty_and_deleted_secrets_are_reported(bench: Bench) -> None:
    client = boto3.client("secretsmanager", REGION)
    client.delete_secret(SecretId=GITHUB, ForceDeleteWithoutRecovery=True)
    client.delete_secret(SecretId="prod/circleci/pat/backstage")
    client.delete_secret(SecretId=NEO4J, ForceDeleteWithoutRecovery=True)
    client.create_secret(Name=NEO4J)
    client.delete_secret(SecretId="prod/db/admin", ForceDeleteWithoutRecovery=True)
    outcome = bench.run("preflight", "--json")
    assert outcome.code == 1
    assert outcome.check(GITHUB)["text"] == "is missing; create it in Secrets Manager: access token"
    assert outcome.check("prod/circleci/pat/backstage")["text"].startswith("marked for deletion")
    assert outcome.check(NEO4J)["text"].startswith("has no value; give it one: JSON with Neo4j URI")
    assert outcome.check("prod/db/admin")["outcome"] == "open"


def test_the_kinde_secret_is_looked_up_by_its_whole_arn(bench: Bench) -> None:
    bench.configure(kindeClientSecret=f"{KINDE_SECRET}-2pS4d3")
    outcome = bench.run("preflight", "--json")
    assert outcome.check(KINDE_SECRET)["text"].startswith("is missing")


def test_a_foreign_account_is_left_alone(bench: Bench) -> None:
    bench.configure(aws__allowedAccountIds=["210987654321"])
    outcome = bench.run("preflight", "--json")
    assert outcome.code == 1
    assert outcome.check("account")["text"] == (
        "the credentials belong to account 123456789012, the stack to 210987654321; set AWS_PROFILE"
    )
    assert bench.cloud.calls == ["/"]


def test_a_shell_with_another_region_is_reported(bench: Bench) -> None:
    bench.patch.setenv("AWS_REGION", "us-east-1")
    bench.patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert "set AWS_REGION=eu-central-1" in bench.run("preflight", "--json").check("region")["text"]


def test_wrong_parameters_are_reported(bench: Bench) -> None:
    client = boto3.client("ssm", REGION)
    client.put_parameter(Name="/prod/infra/park_mode", Value="half", Type="String")
    client.put_parameter(Name="/prod/shared/cf_alb_secret", Value="CanaryHeaderSecret", Type="String")
    client.put_parameter(Name="/prod/prefect/deployer/subnet_ids", Value="subnet-1,subnet-2", Type="String")
    outcome = bench.run("preflight", "--json")
    assert "CanaryHeaderSecret" not in outcome.out
    assert outcome.check("/prod/infra/park_mode")["text"] == "is `half`; accepted: parked or unparked"
    assert outcome.check("/prod/shared/cf_alb_secret")["text"] == "is a String; accepted: SecureString"
    assert outcome.check("/prod/prefect/deployer/subnet_ids")["outcome"] == "passed"
    assert outcome.check("/prod/infra/database_restore_mode")["outcome"] == "open"


# Kinde's fault -> (check, message).
KINDE_FAULTS = {
    "wrong issuer": (
        "Kinde: issuer",
        "Kinde says https://ronaldhatcher.kinde.com/other, but the load balancer is configured with https://",
    ),
    "down": ("Kinde: discovery document", "answers 503"),
}


@pytest.mark.parametrize("fault", KINDE_FAULTS)
def test_disagreement_with_kinde_is_reported(bench: Bench, fault: str) -> None:
    bench.kinde.fault = fault
    subject, said = KINDE_FAULTS[fault]
    assert said in bench.run("preflight", "--json").check(subject)["text"]


def request_certificate(region: str, *names: str) -> str:
    client = boto3.client("acm", region_name=region)
    arn: str = client.request_certificate(
        DomainName=names[0], SubjectAlternativeNames=list(names), ValidationMethod="DNS"
    )["CertificateArn"]
    return arn


def test_certificates_without_a_host_or_validation_are_reported(bench: Bench) -> None:
    hosts = ("portal.rocketclub.online", "pipelines.rocketclub.online")
    request_certificate("eu-central-1", "origin.rocketclub.online", hosts[0])
    request_certificate("us-east-1", *hosts)
    outcome = bench.run("preflight", "--json")
    assert "none covers all of origin.rocketclub.online, portal" in outcome.check("origin certificate")["text"]
    assert "PENDING_VALIDATION; are its validation records" in outcome.check("viewer certificate")["text"]


# ACM's status and reason -> message.
NOT_ISSUED = {
    ("FAILED", "CAA_ERROR"): "FAILED (CAA_ERROR): a CAA record of the domain forbids Amazon to issue it; add `0 issue",
    ("FAILED", "PCA_LIMIT_EXCEEDED"): "FAILED (PCA_LIMIT_EXCEEDED): look it up under",
    ("FAILED", ""): "FAILED (OTHER): ",
    ("VALIDATION_TIMED_OUT", ""): "VALIDATION_TIMED_OUT: its validation records weren't in the zone within 72 hours",
}


@pytest.mark.parametrize(("status", "reason"), NOT_ISSUED)
def test_a_certificate_that_was_not_issued_is_reported_with_its_reason(bench: Bench, status: str, reason: str) -> None:
    """Moto has no reasons, so this test makes its certificate describe itself as ACM does."""
    hosts = ("portal.rocketclub.online", "pipelines.rocketclub.online")
    bundle = acm_backends[ACCOUNT]["us-east-1"].describe_certificate(request_certificate("us-east-1", *hosts))
    entry = bundle.describe()["Certificate"] | {"Status": status} | ({"FailureReason": reason} if reason else {})
    bench.patch.setattr(type(bundle), "describe", lambda _: {"Certificate": entry})
    found = bench.run("preflight", "--json").find("acm/viewer")
    assert (found["outcome"], found["text"].startswith(f"in us-east-1 is {NOT_ISSUED[status, reason]}")) == (
        "failed",
        True,
    ), found["text"]
    assert "delete the certificate in ACM, and apply again" in found["text"]


@pytest.mark.parametrize(("days", "said"), [(90, "issued in eu-central-1, valid for"), (5, "it isn't being renewed")])
def test_a_certificate_that_is_not_renewed_is_reported(bench: Bench, days: int, said: str) -> None:
    hosts = ("origin.rocketclub.online", "portal.rocketclub.online", "pipelines.rocketclub.online")
    authority, end = trustme.CA(), datetime.now(UTC) + timedelta(days=days)
    issued = authority.issue_cert(*hosts, common_name=hosts[0], not_after=end)
    boto3.client("acm", REGION).import_certificate(
        Certificate=issued.cert_chain_pems[0].bytes(),
        PrivateKey=issued.private_key_pem.bytes(),
        CertificateChain=authority.cert_pem.bytes(),
    )
    found = bench.run("preflight", "--json").check("origin certificate")
    assert (found["outcome"], said in found["text"]) == ("passed" if days == 90 else "failed", True), found


def test_the_zone_and_its_records_are_checked(bench: Bench) -> None:
    bench.patch.setenv("CLOUDFLARE_API_TOKEN", "CanaryCloudflareToken")
    outcome = bench.run("preflight", "--json")
    assert "CanaryCloudflareToken" not in outcome.out
    assert outcome.check("Cloudflare zone")["text"] == "rocketclub.online is active"
    rules = outcome.check("Cloudflare cache rules")
    assert (rules["outcome"], rules["text"]) == (
        "open",
        "make sure that none of these applies to the stack's hosts: `everything`",
    )
    assert outcome.check("portal.rocketclub.online: record")["outcome"] == "passed"
    assert outcome.check("pipelines.rocketclub.online: record")["outcome"] == "open"
    assert outcome.check("origin.rocketclub.online: record")["text"] == "accepted: one CNAME, not proxied"


def unsigned(bench: Bench) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        bench.patch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        bench.patch.setenv(name, str(bench.project / "none"))


def unknown_profile(bench: Bench) -> None:
    bench.patch.setenv("AWS_PROFILE", "nobody")


def expired(bench: Bench) -> None:
    bench.cloud.fault = fault_of("/", "ExpiredToken")


@pytest.mark.parametrize("fault", [unsigned, unknown_profile, expired])
def test_missing_credentials_are_an_error(bench: Bench, fault: Callable[[Bench], None]) -> None:
    fault(bench)
    outcome = bench.run("preflight")
    assert outcome.code == 2
    assert outcome.err.startswith("error: the ")
    assert "sign in" in outcome.err


def test_throttled_calls_are_repeated(bench: Bench) -> None:
    bench.fill()
    bench.patch.setenv("AWS_MAX_ATTEMPTS", "3")
    bench.cloud.fault = fault_of("GetSecretValue", "ThrottlingException", times=2)
    assert bench.run("preflight").code == 0


# AWS's answer whenever a parameter is read -> message.
REFUSALS = {
    "ThrottlingException": "AWS throttles these calls (ThrottlingException), even after retries",
    "AccessDeniedException": "these credentials aren't allowed to call GetParameter (AccessDeniedException)",
    "InternalServerError": "GetParameter failed (InternalServerError)",
}


@pytest.mark.parametrize("code", REFUSALS)
def test_refusals_of_aws_are_reported(bench: Bench, code: str) -> None:
    bench.fill()
    bench.cloud.fault = fault_of("GetParameter", code)
    outcome = bench.run("preflight", "--json")
    assert outcome.code == 1
    assert REFUSALS[code] in outcome.check("/prod/infra/park_mode")["text"]
    assert all(subject.startswith("/prod/") for subject in outcome.failures)


def test_a_missing_answer_is_reported_after_the_timeout(bench: Bench) -> None:
    bench.fill()
    bench.cloud.fault = fault_of("ListCertificates", "hold")
    outcome = bench.run("preflight", "--json", "--timeout", "1")
    bench.cloud.released.set()
    bench.cloud.released.clear()
    assert outcome.code == 1
    for subject in ("origin certificate", "viewer certificate"):
        assert "no answer from AWS in time (ReadTimeoutError)" in outcome.check(subject)["text"]


def test_a_stack_that_makes_its_workloads_needs_their_images(bench: Bench) -> None:
    registry: Any = boto3.client("ecr", REGION)
    registry.create_repository(repositoryName="prefect")
    here = ("preflight", "--json", "--stack", LAB, "--project", str(owned_here()))
    for name in ("backstage", "postgres", "prefect"):
        found = bench.run(*here).find(f"image/{name}")
        assert found["outcome"] == "failed"
        assert "isn't in the account's registry; push it, or what runs it can't start" in found["text"]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    made = registry.put_image(repositoryName="prefect", imageManifest=json.dumps(manifest))
    digest = made["image"]["imageId"]["imageDigest"]
    patched = images(load(owned_here(), LAB))
    bench.patch.setattr("operations.preflight.images", lambda _: [(name, digest) for name, _ in patched])
    outcome = bench.run(*here)
    assert outcome.find("image/prefect")["outcome"] == "passed"
    assert outcome.find("image/backstage")["outcome"] == "failed"
    assert {"parameter/lab/infra/database_host", "secret/lab/db/admin"} <= {
        item["key"] for item in json.loads(outcome.out)["checks"]
    }


def test_a_session_secret_with_another_arn_suffix_is_reported(bench: Bench) -> None:
    """ECS needs the secret's full ARN, which the stack's file gives."""
    suffix = bench.cloud.put("lab/backstage/session-secret", "ab" * 32)
    here = ("preflight", "--json", "--stack", LAB, "--project", str(owned_here()))
    found = bench.run(*here).find("secret/lab/backstage/session-secret")
    assert found["outcome"] == "failed"
    assert found["text"].startswith(f"its ARN ends in {suffix}, but backstageSessionSecret")
