"""`preflight`: whether everything that a deploy relies on is there."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httpx

from components.catalogue import PARAMETERS, SECRETS, Maker, Parameter, Secret
from components.kinde_endpoints import callback_url
from components.naming import VIEWER_REGION
from operations import kinde_answers, shapes
from operations.aws import Aws, calls
from operations.stack import Stack
from operations.stored_secret import CURRENT, StoredSecret
from operations.tls import SHORTEST_DAYS
from operations.verdicts import Outcome, Verdict, failed, passed, undecided
from operations.web import UNAVAILABLE, Web, send
from stackfiles.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_acm import ACMClient

Check = Callable[[], Sequence[Verdict]]

_WORKERS: Final = 8
_CLOUDFLARE: Final = "https://api.cloudflare.com/client/v4"
_TOKEN: Final = "CLOUDFLARE_API_TOKEN"
_KEY_TYPES: Final = ("RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1")
_MADE_LATER: Final = "not there yet; the first apply makes it"


def run(stack: Stack, aws: Aws, web: Web) -> list[Verdict]:
    """Make every check and return what was found, in a fixed order.

    In another account than the stack's nothing is looked at: its secrets are none of this command's business.

    Raises:
        BadConfiguration: there are no valid AWS credentials.
    """
    account = _account(stack, aws)
    if account.outcome is Outcome.FAILED:
        return [account, undecided("everything else", "not looked at: this is another account")]
    # Clients may be used by several threads; making them may not (boto3, "Multithreading or multiprocessing").
    secrets, parameters = aws.secrets(), aws.parameters()
    checks: list[tuple[str, Check]] = [
        ("region", lambda: [_region(stack, aws)]),
        *(
            (secret.name(stack.names), partial(_secret, stack, secret, stored_secret(stack, secrets, secret)))
            for secret in sorted(SECRETS, key=lambda secret: secret.maker is Maker.PROGRAM)
        ),
        *((parameter.name(stack.names), partial(_parameter, stack, parameter, parameters)) for parameter in PARAMETERS),
        ("Kinde", lambda: kinde_answers.discovery(stack, web)),
        ("Kinde: callback URLs", lambda: [_callbacks(stack)]),
        *(
            (f"{title} certificate", partial(_certificate, title, hosts, region, aws.certificates(region)))
            for title, hosts, region in (
                ("origin", [stack.origin, *stack.hosts.values()], stack.names.region),
                ("viewer", list(stack.hosts.values()), VIEWER_REGION),
            )
        ),
        ("Cloudflare zone", lambda: _zone(stack, web)),
        *((f"{host}: address", partial(_address, web, host)) for host in (*stack.hosts.values(), stack.origin)),
    ]
    with ThreadPoolExecutor(_WORKERS) as workers:
        return [account, *(verdict for verdicts in workers.map(_guarded, checks) for verdict in verdicts)]


def stored_secret(stack: Stack, client: Any, secret: Secret) -> StoredSecret:  # noqa: ANN401 - boto3's client
    """Return a secret of the catalogue where it is stored.

    Kinde's goes by its full ARN: its name ends in a hyphen and six letters, as ARNs do, which Secrets Manager misreads.
    """
    name = secret.name(stack.names)
    configured = stack.settings.kinde_client_secret
    return StoredSecret(client, name, stack.names.secret_arn(configured) if configured.startswith(f"{name}-") else "")


def _guarded(check: tuple[str, Check]) -> Sequence[Verdict]:
    subject, look = check
    try:
        return look()
    except Failure as failure:
        return [failed(subject, str(failure).removeprefix(f"{subject}: "))]


def _account(stack: Stack, aws: Aws) -> Verdict:
    found, wanted = aws.account(), stack.settings.account
    if found != wanted:
        return failed("account", f"the credentials are of account {found}, the stack's is {wanted}; set AWS_PROFILE")
    return passed("account", found)


def _region(stack: Stack, aws: Aws) -> Verdict:
    wanted, own = stack.settings.region, aws.own_region
    if own and own != wanted:
        return failed("region", f"the shell's region is {own}, the stack's is {wanted}; set AWS_REGION={wanted}")
    return passed("region", wanted)


def _secret(stack: Stack, secret: Secret, stored: StoredSecret) -> list[Verdict]:
    by_hand = secret.maker is Maker.HAND
    fill = f"run `python -m operations fill-secrets --stack {stack.names.environment}`"
    versions = stored.versions()
    if versions is None:
        if by_hand:
            return [failed(stored.name, f"is missing; make it in Secrets Manager: {secret.shape}")]
        return [undecided(stored.name, _MADE_LATER)]
    value = stored.value() if CURRENT in versions.labels else None
    if value is None:
        return [failed(stored.name, f"has no value; {f'give it one: {secret.shape}' if by_hand else fill}")]
    wrong = shapes.problem(secret.shape, value.get_secret_value())
    if wrong:
        return [failed(stored.name, f"{wrong}; accepted: {secret.shape}")]
    return [passed(stored.name, secret.shape)]


def _parameter(stack: Stack, parameter: Parameter, client: Any) -> list[Verdict]:  # noqa: ANN401 - boto3's client
    name = parameter.name(stack.names)
    with calls(name):
        try:
            # Without decryption: whether a SecureString has a value shows anyway.
            found = client.get_parameter(Name=name)["Parameter"]
        except client.exceptions.ParameterNotFound:
            return [undecided(name, _MADE_LATER)]
    kind = "SecureString" if parameter.secret else "String"
    if found["Type"] != kind:
        return [failed(name, f"is a {found['Type']}; accepted: {kind}")]
    if not found["Value"].strip():
        return [failed(name, "is empty")]
    if parameter.accepted and found["Value"] not in parameter.accepted:
        return [failed(name, f"is `{found['Value']}`; accepted: {' or '.join(parameter.accepted)}")]
    return [passed(name, kind)]


def _callbacks(stack: Stack) -> Verdict:
    urls = " and ".join(callback_url(host) for host in stack.hosts.values())
    return undecided("Kinde: callback URLs", f"can't be looked up; registered must be {urls}")


def _certificate(title: str, hosts: Sequence[str], region: str, client: ACMClient) -> list[Verdict]:
    subject = f"{title} certificate"
    with calls(subject):
        # By default the list has RSA keys of 2,048 bits only.
        pages = client.get_paginator("list_certificates").paginate(Includes={"keyTypes": list(_KEY_TYPES)})
        arns = [
            entry["CertificateArn"]
            for page in pages
            for entry in page["CertificateSummaryList"]
            if entry["DomainName"] == hosts[0]
        ]
        found = [client.describe_certificate(CertificateArn=arn)["Certificate"] for arn in arns]
    covering = [entry for entry in found if set(hosts) <= set(entry.get("SubjectAlternativeNames", ()))]
    if not covering:
        missing = f"{len(found)} for {hosts[0]} in {region}, none with all of {', '.join(hosts)}"
        return [failed(subject, missing) if found else undecided(subject, f"in {region}: {_MADE_LATER}")]
    issued = [entry for entry in covering if entry["Status"] == "ISSUED"]
    if not issued:
        status = covering[0]["Status"]
        hint = "; are its validation records in the zone?" if status == "PENDING_VALIDATION" else ""
        return [failed(subject, f"in {region} is {status}{hint}")]
    days = max(int((entry["NotAfter"].timestamp() - time.time()) // 86_400) for entry in issued)
    if days < SHORTEST_DAYS:
        return [failed(subject, f"in {region} is valid for {days} more days only: it isn't being renewed")]
    return [passed(subject, f"issued in {region}, valid for {days} days")]


def _zone(stack: Stack, web: Web) -> list[Verdict]:
    """Look at the zone and its records, if the token that the deploy uses is here."""
    subject = "Cloudflare zone"
    token = os.environ.get(_TOKEN)
    if not token:
        return [undecided(subject, f"not looked at: {_TOKEN} isn't set")]
    zone = f"{_CLOUDFLARE}/zones/{stack.settings.cloudflare_zone_id}"
    try:
        with web.client() as client:
            client.headers["Authorization"] = f"Bearer {token}"
            response = send(client, "GET", zone, UNAVAILABLE)
            if response.status_code != 200:
                return [
                    failed(subject, f"Cloudflare answers {response.status_code}: check {_TOKEN} and cloudflareZoneId")
                ]
            found = response.json()["result"]
            if found["name"] != stack.settings.domain or found["status"] != "active":
                text = f"is {found['name']} and {found['status']}; accepted: {stack.settings.domain} and active"
                return [failed(subject, text)]
            return [
                passed(subject, f"{found['name']} is active"),
                *(
                    _record(client, zone, host, proxied=host != stack.origin)
                    for host in (*stack.hosts.values(), stack.origin)
                ),
            ]
    except httpx.TransportError as error:
        return [failed(subject, f"no answer from Cloudflare ({type(error).__name__})")]
    except (ValueError, KeyError, TypeError):
        return [failed(subject, "Cloudflare's answer can't be read")]


def _record(client: httpx.Client, zone: str, host: str, *, proxied: bool) -> Verdict:
    subject = f"{host}: record"
    records = send(client, "GET", f"{zone}/dns_records", UNAVAILABLE, params={"name": host}).json()["result"]
    if not records:
        return undecided(subject, _MADE_LATER)
    if [record["type"] for record in records] != ["CNAME"] or records[0]["proxied"] is not proxied:
        return failed(subject, f"accepted: one CNAME, {'proxied' if proxied else 'not proxied'}")
    return passed(subject, f"CNAME, {'proxied' if proxied else 'not proxied'}")


def _address(web: Web, host: str) -> list[Verdict]:
    subject = f"{host}: address"
    try:
        socket.getaddrinfo(*web.address(host), proto=socket.IPPROTO_TCP)
    except socket.gaierror:
        return [undecided(subject, "none; the first apply makes the record")]
    return [passed(subject, "resolves")]
