"""`verify-login`: whether both hosts lead to Kinde's sign-in, and nobody gets in another way."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from components.applications import APPLICATIONS
from components.kinde_endpoints import SCOPE, callback_url
from operations import symptoms, tls
from operations.aws import Aws, calls
from operations.stack import Stack
from operations.verdicts import Outcome, Verdict, failed, passed, undecided
from operations.web import Web, refused_certificate, send, without_query

_MOST_REDIRECTS: Final = 10
_NONCE: Final = "AWSALBAuthNonce"
"""The load balancer's cookie while somebody signs in.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"""
_NO_ANSWER_SECONDS: Final = 5.0
"""How long to wait for an answer that isn't supposed to come."""


def run(stack: Stack, web: Web, distributions: Mapping[str, str], *, why_no_distributions: str = "") -> list[Verdict]:
    """Check both hosts from outside, with no user's credentials.

    `distributions` maps a host to the domain name of its distribution; what is missing is reported as open.
    """
    hosts = list(stack.hosts.values())
    with ThreadPoolExecutor(len(hosts) * 3) as workers:
        front = [workers.submit(_front, stack, web, host) for host in hosts]
        around = [workers.submit(_around_cloudfront, stack, web, host) for host in hosts]
        behind = [
            workers.submit(partial(_around_cloudflare, stack, web, host, distributions.get(host), why_no_distributions))
            for host in hosts
        ]
        return [verdict for future in (*front, *around, *behind) for verdict in future.result()]


def find_distributions(stack: Stack, aws: Aws) -> dict[str, str]:
    """Look up the distributions' domain names by the hosts that they answer to.

    Raises:
        Failure: AWS refuses or doesn't answer, or there are no credentials.
    """
    with calls("the distributions"):
        pages = aws.distributions().get_paginator("list_distributions").paginate()
        return {
            alias: entry["DomainName"]
            for page in pages
            for entry in page["DistributionList"].get("Items", ())
            for alias in entry["Aliases"].get("Items", ())
            if alias in stack.hosts.values()
        }


def _front(stack: Stack, web: Web, host: str) -> list[Verdict]:
    """Go the way of a browser, from the host to Kinde's sign-in page."""
    shown = tls.certificate(web, host)
    if shown.outcome is Outcome.FAILED:
        return [shown]
    subject = f"{host}: redirect to Kinde"
    try:
        with web.client() as client:
            return [shown, *_to_kinde(stack, client, host)]
    except httpx.TransportError as error:
        return [shown, failed(subject, f"no answer ({type(error).__name__})")]


def _to_kinde(stack: Stack, client: httpx.Client, host: str) -> Iterator[Verdict]:
    subject = f"{host}: redirect to Kinde"
    trail = _follow(client, f"https://{host}/", until=stack.endpoints.authorization)
    if trail.looped:
        yield _symptom(subject, symptoms.REDIRECT_LOOP, f"{without_query(trail.url)} comes up again and again")
        return
    if not trail.target:
        symptom = symptoms.of_status(trail.response.status_code)
        if symptom:
            yield _symptom(subject, symptom)
        elif trail.response.is_redirect or trail.response.status_code >= HTTPStatus.BAD_REQUEST:
            yield failed(subject, f"answers {trail.response.status_code} at {without_query(trail.url)}")
        else:
            yield failed(subject, f"answers {trail.response.status_code} to anybody: nobody has to sign in")
        return
    problem = _request_problem(stack, host, trail.target)
    if problem:
        yield problem
        return
    yield passed(subject, without_query(trail.target))
    yield _cookies(host, trail.response)
    yield _freshness(client, host, trail.target, stack.endpoints.authorization)
    yield _sign_in_page(client, host, trail.target)


def _request_problem(stack: Stack, host: str, target: str) -> Verdict | None:
    """Compare the authorization request that the load balancer makes with what it must be."""
    subject = f"{host}: redirect to Kinde"
    query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    callback = callback_url(host)
    if query.get("redirect_uri") != callback:
        found = without_query(query.get("redirect_uri", "nothing"))
        return _symptom(subject, symptoms.CALLBACK_MISMATCH, f"the callback is {found}, not {callback}")
    if query.get("client_id") != stack.settings.kinde_client_id:
        return failed(
            subject,
            f"the client id is {query.get('client_id', 'missing')}, the stack's is {stack.settings.kinde_client_id}",
        )
    if set(query.get("scope", "").split()) != set(SCOPE.split()):
        return failed(subject, f"the scope is `{query.get('scope', '')}`; accepted: `{SCOPE}`")
    missing = [name for name in ("state", "response_type") if not query.get(name)]
    if missing or query["response_type"] != "code":
        return failed(
            subject, f"{' and '.join(missing) or 'response_type'} is missing or wrong; accepted: code and a state"
        )
    return None


def _cookies(host: str, response: httpx.Response) -> Verdict:
    subject = f"{host}: cookies"
    cookies = [
        (text.split("=", 1)[0], {part.strip().lower() for part in text.split(";")[1:]})
        for text in response.headers.get_list("set-cookie")
    ]
    if not any(name.startswith(_NONCE) for name, _ in cookies):
        return _symptom(subject, symptoms.REDIRECT_LOOP, f"the redirect comes without the cookie {_NONCE}")
    insecure = sorted(name for name, attributes in cookies if "secure" not in attributes)
    if insecure:
        return failed(subject, f"{', '.join(insecure)} without Secure")
    return passed(subject, f"{', '.join(sorted(name for name, _ in cookies))} with Secure")


def _freshness(client: httpx.Client, host: str, target: str, until: str) -> Verdict:
    """See that a second visitor gets a redirect of their own."""
    subject = f"{host}: no cached redirect"
    client.cookies.clear()
    again = _follow(client, f"https://{host}/", until=until)
    if again.target and _state(again.target) == _state(target):
        return _symptom(subject, symptoms.REDIRECT_LOOP, "two visitors get the same state: the redirect is cached")
    return passed(subject, "each visitor gets a state of their own")


def _sign_in_page(client: httpx.Client, host: str, target: str) -> Verdict:
    subject = f"{host}: Kinde's sign-in page"
    trail = _follow(client, target, until=callback_url(host))
    place = without_query(trail.url)
    if trail.looped:
        return _symptom(subject, symptoms.REDIRECT_LOOP, f"{place} comes up again and again")
    if trail.target:
        error = parse_qs(urlsplit(trail.target).query).get("error", [""])[0]
        if error:
            return _symptom(subject, symptoms.PROVIDER_ERROR, f"Kinde sends back the error {error[:60]}")
        return failed(subject, "Kinde sends the browser back without asking anybody to sign in")
    status = trail.response.status_code
    if (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and "redirect" in trail.response.text.lower()
    ):
        return _symptom(subject, symptoms.CALLBACK_MISMATCH, f"Kinde answers {status} at {place}")
    if status != HTTPStatus.OK or "html" not in trail.response.headers.get("content-type", ""):
        return failed(subject, f"Kinde answers {status} at {place}, and no page")
    return passed(subject, place)


def _around_cloudfront(stack: Stack, web: Web, host: str) -> list[Verdict]:
    """Ask the load balancer itself for a host, as nobody but CloudFront may."""
    return [_refused(web, f"{stack.origin} asked for {host}", stack.origin, host=host, server_name=stack.origin)]


def _around_cloudflare(stack: Stack, web: Web, host: str, distribution: str | None, why_not: str) -> list[Verdict]:
    """Ask a distribution by its own name; and, where only Cloudflare may come, for the host too."""
    if not distribution:
        text = why_not or "no distribution answers to this host yet"
        return [undecided(f"{host}: distribution", f"not looked at: {text}")]
    verdicts = [_refused(web, f"{distribution} by its own name", distribution, distribution, distribution)]
    if stack.settings.only_cloudflare_viewers:
        verdicts.append(_refused(web, f"{distribution} asked for {host}", distribution, host, host))
    return verdicts


def _refused(web: Web, subject: str, address: str, host: str, server_name: str) -> Verdict:
    """Check that a request is answered 403 or not at all."""
    try:
        with web.client() as client:
            response = client.get(
                f"https://{address}/",
                headers={"Host": host},
                extensions={"sni_hostname": server_name},
                timeout=min(web.timeout, _NO_ANSWER_SECONDS),
            )
    except httpx.TransportError as error:
        if _has_no_address(error):
            return undecided(subject, "the name has no address")
        if refusal := refused_certificate(error):
            return tls.refused(subject, refusal)
        return passed(subject, f"not let in: no answer ({type(error).__name__})")
    if response.status_code == HTTPStatus.FORBIDDEN:
        return passed(subject, "refused with 403")
    return failed(subject, f"answers {response.status_code}: there is a way round the front")


def _has_no_address(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


@dataclass(frozen=True)
class _Trail:
    """Where following redirects ended: the last URL and its answer, and the URL that was looked for, if it came."""

    url: str
    response: httpx.Response
    target: str = ""
    looped: bool = False


def _follow(client: httpx.Client, url: str, until: str) -> _Trail:
    """Follow redirects until one leads to `until` (its query aside), or there are none, or they go in a circle."""
    for _ in range(_MOST_REDIRECTS):
        response = send(client, "GET", url)
        location = response.headers.get("location", "")
        if not response.is_redirect or not location:
            return _Trail(url, response)
        onward = urljoin(url, location)
        if without_query(onward) == until:
            return _Trail(url, response, target=onward)
        if urlsplit(onward).scheme != "https":
            return _Trail(onward, response, looped=urlsplit(onward).hostname == urlsplit(url).hostname)
        url = onward
    return _Trail(url, response, looped=True)


def _state(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("state", [""])[0]


def _symptom(subject: str, symptom: symptoms.Symptom, seen: str = "") -> Verdict:
    return failed(subject, f"{seen}. {symptom}" if seen else str(symptom), symptom.name)


def whole_sign_in(stack: Stack, verdicts: Sequence[Verdict]) -> bool:
    """Tell whether the whole sign-in was seen to work at every host."""
    wanted = {f"{stack.hosts[application]}: whole sign-in" for application in APPLICATIONS}
    return wanted <= {verdict.subject for verdict in verdicts if verdict.outcome is Outcome.PASSED}
