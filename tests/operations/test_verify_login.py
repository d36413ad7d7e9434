"""`verify-login` without credentials: both hosts lead to Kinde, no other request gets in, and each fault has a name."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import trustme

from operations.symptoms import SYMPTOMS
from tests.operations.cloud import ACCOUNT, REGION
from tests.operations.conftest import Bench, Servers
from tests.operations.edge_double import DISTRIBUTIONS, HOSTS, ORIGIN
from tests.owner import FILES

NAMED = tuple(f"--distribution={host}={name}" for host, name in DISTRIBUTIONS.items())
PORTAL, PIPELINES = HOSTS
REDIRECT = f"{PORTAL}: redirect to Kinde"
PAGE = f"{PORTAL}: Kinde's sign-in page"


def test_every_check_passes_when_all_is_well(bench: Bench) -> None:
    outcome = bench.run("verify-login", "--json", *NAMED)
    assert (outcome.code, outcome.failures) == (0, [])
    passed = {item["subject"] for item in json.loads(outcome.out)["checks"] if item["outcome"] == "passed"}
    assert passed == {
        *(
            f"{host}: {check}"
            for host in HOSTS
            for check in (
                "certificate",
                "redirect to Kinde",
                "cookies",
                "no cached redirect",
                "Kinde's sign-in page",
            )
        ),
        *(f"{ORIGIN} asked for {host}" for host in HOSTS),
        *(f"{name} by its own name" for name in DISTRIBUTIONS.values()),
        *(f"{name} asked for {host}" for host, name in DISTRIBUTIONS.items()),
    }


def status(code: int) -> Callable[[Bench], None]:
    def set_status(bench: Bench) -> None:
        bench.edge.status = code

    return set_status


def edge(fault: str) -> Callable[[Bench], None]:
    def set_fault(bench: Bench) -> None:
        bench.edge.fault = fault

    return set_fault


def kinde(fault: str) -> Callable[[Bench], None]:
    def set_fault(bench: Bench) -> None:
        bench.kinde.fault = fault

    return set_fault


def unregistered(bench: Bench) -> None:
    bench.kinde.callbacks.clear()


def other_authority(bench: Bench) -> None:
    trustme.CA().cert_pem.write_to_path(bench.project / "other.pem")
    bench.patch.setenv("SSL_CERT_FILE", str(bench.project / "other.pem"))


# Fault -> how it is caused, the check that finds it, its symptom ("" for none), and the message. The symptoms are
# those of the load balancer's own checklist (see operations/symptoms.py).
FAULTS: dict[str, tuple[Callable[[Bench], None], str, str, str]] = {
    "host leads to itself": (edge("loop"), REDIRECT, "redirect loop", "comes up repeatedly"),
    "plain HTTP hop": (edge("plain http"), REDIRECT, "redirect loop", "SSL mode must be strict"),
    "cookies not forwarded": (edge("cookies stripped"), f"{PORTAL}: cookies", "redirect loop", "AWSALBAuthNonce"),
    "cached redirect": (edge("cached redirect"), f"{PORTAL}: no cached redirect", "redirect loop", "the same state"),
    "Kinde leads to itself": (kinde("loop"), PAGE, "redirect loop", "auth/start comes up repeatedly"),
    "Host not forwarded": (
        edge("host not forwarded"),
        REDIRECT,
        "redirect_uri mismatch",
        f"the callback is https://{ORIGIN}/oauth2/idpresponse, not https://{PORTAL}/oauth2/idpresponse",
    ),
    "callback not registered": (unregistered, PAGE, "redirect_uri mismatch", "Kinde answers 400"),
    "401": (status(401), REDIRECT, "401", "AuthInvalidStateParam"),
    "403": (status(403), REDIRECT, "403", "the secret header is missing or stale"),
    "500": (status(500), REDIRECT, "500", "it can't reach Kinde"),
    "502": (status(502), REDIRECT, "502", "CloudFront can't connect to the load balancer over TLS"),
    "561": (status(561), REDIRECT, "561", "Kinde answered the load balancer with an error"),
    "Kinde sends an error back": (kinde("error"), PAGE, "561", "Kinde sends back the error server_error"),
    "certificate of another authority": (
        other_authority,
        f"{PORTAL}: certificate",
        "wrong certificate",
        "isn't from a public authority",
    ),
    "an unlisted status": (status(418), REDIRECT, "", f"answers 418 at https://{PORTAL}/"),
    "nobody is asked to sign in": (edge("open"), REDIRECT, "", "answers 200 to anybody, without a sign-in"),
    "wrong client": (
        edge("wrong client"),
        REDIRECT,
        "",
        "the client id is another, but the stack's is 0123456789abcdef",
    ),
    "wrong scope": (edge("wrong scope"), REDIRECT, "", "the scope is `openid`; accepted: `openid profile email`"),
    "insecure cookie": (edge("insecure cookie"), f"{PORTAL}: cookies", "", "AWSALBAuthNonce without Secure"),
    "Kinde has no page": (kinde("no page"), PAGE, "", "Kinde answers 503"),
    "load balancer asks for no header": (
        edge("header not asked for"),
        f"{ORIGIN} asked for {PORTAL}",
        "",
        "answers 302: CloudFront or Cloudflare can be bypassed",
    ),
    "load balancer takes the request": (
        edge("hangs up"),
        f"{ORIGIN} asked for {PORTAL}",
        "",
        "accepts the request and doesn't refuse it (",
    ),
    "distributions answer anybody": (
        edge("any viewer"),
        f"{DISTRIBUTIONS[PORTAL]} asked for {PORTAL}",
        "",
        "answers 302: CloudFront or Cloudflare can be bypassed",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_reported_with_its_symptom(bench: Bench, fault: str) -> None:
    make_wrong, subject, symptom, said = FAULTS[fault]
    make_wrong(bench)
    outcome = bench.run("verify-login", "--json", *NAMED)
    assert outcome.code == 1
    found = outcome.check(subject)
    assert (found["outcome"], found["symptom"]) == ("failed", symptom)
    assert said in found["text"]
    if symptom:
        assert str(next(known for known in SYMPTOMS if known.name == symptom)) in found["text"]


def test_expired_certificates_are_reported(bench: Bench) -> None:
    expired = f"127.0.0.1:{bench.servers.expired_port}"
    hosts = (PORTAL, ORIGIN)
    outcome = bench.run("verify-login", "--json", *NAMED, *(f"--connect-to={host}:443:{expired}" for host in hosts))
    assert outcome.code == 1
    # If our own TLS check keeps us out of the load balancer, that doesn't prove that it lets nobody in.
    for subject in (f"{PORTAL}: certificate", f"{ORIGIN} asked for {PORTAL}"):
        found = outcome.check(subject)
        assert (found["outcome"], found["symptom"]) == ("failed", "expired certificate")
    assert outcome.check(f"{PIPELINES}: certificate")["outcome"] == "passed"


@pytest.fixture
def edges(servers: Servers) -> Iterator[dict[str, int]]:
    """Two ways in which an edge answers for a host that it doesn't cover -> the port that does so.

    Cloudflare ends the handshake with an alert; another front shows whatever certificate it has.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("unused").configure_cert(context)
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection = listening.accept()[0]
                except OSError:
                    return
                with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        front = next(route for route in servers.routes if route.startswith(PORTAL))
        yield {"alert": listening.getsockname()[1], "another name": int(front.rpartition(":")[2])}
        listening.shutdown(socket.SHUT_RDWR)


DEEP = tuple(f"{label}.dev.rocketclub.online" for label in ("portal", "pipelines", "origin"))


@pytest.mark.parametrize("command", ["verify-login", "preflight"])
@pytest.mark.parametrize("way", ["alert", "another name"])
def test_a_host_that_the_edge_does_not_cover_is_reported(
    bench: Bench, edges: dict[str, int], way: str, command: str
) -> None:
    development = (FILES / "Pulumi.dev.yaml").read_text().replace("210987654321", ACCOUNT)
    (bench.project / "Pulumi.dev.yaml").write_text(f"{development}\n  hostStyle: subdomain\n")
    routes = [f"--connect-to={host}:443:127.0.0.1:{edges[way]}" for host in DEEP]
    outcome = bench.run(command, "--json", "--stack", "dev", *routes)
    found = outcome.find(f"certificate/{DEEP[0]}")
    assert (outcome.code, found["outcome"], found["symptom"]) == (1, "failed", "uncovered host")
    assert "Universal SSL only covers the zone and one level below it" in found["text"]


def test_a_tls_alert_for_a_covered_host_has_no_symptom(bench: Bench, edges: dict[str, int]) -> None:
    outcome = bench.run("verify-login", "--json", *NAMED, f"--connect-to={PORTAL}:443:127.0.0.1:{edges['alert']}")
    found = outcome.find(f"certificate/{PORTAL}")
    assert (found["text"], found["symptom"]) == ("no TLS connection (SSLError)", "")


def test_every_symptom_is_recognised() -> None:
    assert {symptom for _, _, symptom, _ in FAULTS.values()} | {"expired certificate", "uncovered host"} == {
        "",
        *(symptom.name for symptom in SYMPTOMS),
    }


def test_the_results_are_shown_as_one_table(bench: Bench) -> None:
    bench.edge.status = 561
    outcome = bench.run("verify-login", *NAMED)
    assert outcome.code == 1
    assert outcome.out.startswith("Signing in at prod")
    assert "561: Kinde answered the load balancer with an error" in outcome.text
    assert "failed" in outcome.out.splitlines()[-1]


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_a_missing_answer_is_reported_after_the_timeout(bench: Bench, silent: str) -> None:
    bench.edge.fault = "slow"
    bench.patch.setattr("operations.web._ATTEMPTS", 1)
    outcome = bench.run("verify-login", "--json", *NAMED, f"--connect-to={PORTAL}:443:{silent}", "--timeout", "1")
    assert outcome.code == 1
    assert outcome.check(f"{PORTAL}: certificate")["text"] == "no TLS connection (TimeoutError)"
    # On a slow machine, the second is over before the TLS handshake ends.
    assert outcome.check(f"{PIPELINES}: redirect to Kinde")["text"] in (
        "no answer (ReadTimeout)",
        "no answer (ConnectTimeout)",
    )


def test_distributions_may_answer_anyone_if_the_settings_allow_it(bench: Bench) -> None:
    bench.configure(onlyCloudflareViewers=False)
    bench.edge.fault = "any viewer"
    outcome = bench.run("verify-login", "--json", *NAMED)
    assert (outcome.code, outcome.failures) == (0, [])


def test_distributions_are_looked_up(bench: Bench) -> None:
    assert bench.run("verify-login", "--json").check(f"{PORTAL}: distribution") == {
        "key": f"distribution/{PORTAL}",
        "subject": f"{PORTAL}: distribution",
        "outcome": "open",
        "text": "not checked: no distribution serves this host yet",
        "symptom": "",
    }
    origin: dict[str, Any] = {"Id": "origin", "DomainName": ORIGIN, "CustomHeaders": {"Quantity": 0}}
    origin["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    configuration: dict[str, Any] = {
        "CallerReference": "a test",
        "Aliases": {"Quantity": 1, "Items": [PORTAL]},
        "Comment": "",
        "Enabled": True,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {"TargetOriginId": "origin", "ViewerProtocolPolicy": "https-only"},
    }
    client: Any = boto3.client("cloudfront", REGION)
    made = client.create_distribution(DistributionConfig=configuration)
    name = made["Distribution"]["DomainName"]
    port = bench.servers.expired_port
    outcome = bench.run("verify-login", "--json", f"--connect-to={name}:443:127.0.0.1:{port}")
    assert f"{name} by its own name" in outcome.failures


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--distribution=elsewhere.example.com=d1",), "--distribution elsewhere.example.com=d1: accepted: HOST=NAME"),
        (("--connect-to=nowhere",), "--connect-to nowhere: accepted: HOST:PORT:ADDRESS:PORT"),
        (("--sign-in", *NAMED), "--sign-in: set SIGN_IN_EMAIL and SIGN_IN_PASSWORD"),
        (("--stack", "nowhere"), "nowhere"),
    ],
)
def test_bad_usage_is_refused(bench: Bench, arguments: tuple[str, ...], said: str) -> None:
    outcome = bench.run("verify-login", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert said in outcome.err
