"""`verify-login`: checks that both hosts lead to Kinde's sign-in, and that CloudFront and Cloudflare can't be bypassed.

The hosts of a parked platform answer that it is parked, without a sign-in.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from components.kinde_endpoints import SCOPE, callback_url
from operations import symptoms, tls
from operations.aws import Aws, calls
from operations.stack import Stack
from operations.verdicts import Check, Outcome, Verdict, host_check
from operations.web import Web, refused_certificate, send, without_query

_MOST_REDIRECTS: Final = 10
_NONCE: Final = "AWSALBAuthNonce"
"""The load balancer's cookie during a sign-in.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-authenticate-users.html"""
_NO_ANSWER_SECONDS: Final = 5.0
"""How long to wait for an answer that shouldn't come."""


def run(stack: Stack, web: Web, distributions: Mapping[str, str], *, why_no_distributions: str = "") -> list[Verdict]:
    """Check both hosts from outside, with no user's credentials.

    `distributions` maps a host to its distribution's domain name; a host without one gets an open verdict.
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
    """Follow a host as a browser does, to Kinde's sign-in page, or to the answer that the platform is parked."""
    shown = tls.edge_certificate(web, host, stack.settings.domain)
    if shown.outcome is Outcome.FAILED:
        return [shown]
    try:
        with web.client() as client:
            if stack.settings.here and stack.settings.parked:
                return [shown, _check_parked(client, host)]
            return [shown, *_follow_to_kinde(stack, client, host)]
    except httpx.TransportError as error:
        return [shown, _redirect_check(host).failed(f"no answer ({type(error).__name__})")]


def _check_parked(client: httpx.Client, host: str) -> Verdict:
    """Check that a host's 503 says "parked", because a load balancer without targets also answers 503."""
    check = host_check("parked", host, "says that it is parked")
    response = send(client, "GET", f"https://{host}/")
    if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and "parked" in response.text:
        return check.passed("503")
    return check.failed(f"answers {response.status_code}")


def _redirect_check(host: str) -> Check:
    return host_check("redirect", host, "redirect to Kinde")


def _follow_to_kinde(stack: Stack, client: httpx.Client, host: str) -> Iterator[Verdict]:
    check = _redirect_check(host)
    trail = _follow(client, f"https://{host}/", until=stack.endpoints.authorization)
    if trail.looped:
        yield check.failed(f"{without_query(trail.url)} comes up repeatedly", symptoms.REDIRECT_LOOP)
        return
    if not trail.target:
        yield _explain_no_redirect(check, trail)
        return
    verdict = _check_request(stack, host, trail.target)
    yield verdict
    if verdict.outcome is Outcome.FAILED:
        return
    yield _check_cookies(host, trail.response)
    yield _check_freshness(client, host, trail.target, stack.endpoints.authorization)
    yield _check_sign_in_page(client, host, trail.target)


def _explain_no_redirect(check: Check, trail: _Trail) -> Verdict:
    """Return the verdict on a host that doesn't lead to Kinde."""
    status = trail.response.status_code
    if symptom := symptoms.find_by_status(status):
        return check.failed("", symptom)
    if trail.response.is_redirect or status >= HTTPStatus.BAD_REQUEST:
        return check.failed(f"answers {status} at {without_query(trail.url)}")
    return check.failed(f"answers {status} to anybody, without a sign-in")


def _check_request(stack: Stack, host: str, target: str) -> Verdict:
    """Check the parameters of the load balancer's authorization request."""
    check = _redirect_check(host)
    query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
    callback = callback_url(host)
    if query.get("redirect_uri") != callback:
        found = without_query(query.get("redirect_uri", "nothing"))
        return check.failed(f"the callback is {found}, not {callback}", symptoms.CALLBACK_MISMATCH)
    if query.get("client_id") != stack.settings.kinde_client_id:
        return check.failed(
            f"the client id is {query.get('client_id', 'missing')}, but the stack's is {stack.settings.kinde_client_id}"
        )
    if set(query.get("scope", "").split()) != set(SCOPE.split()):
        return check.failed(f"the scope is `{query.get('scope', '')}`; accepted: `{SCOPE}`")
    missing = [name for name in ("state", "response_type") if not query.get(name)]
    if missing or query["response_type"] != "code":
        text = f"{' and '.join(missing) or 'response_type'} is missing or wrong; accepted: code and a state"
        return check.failed(text)
    return check.passed(without_query(target))


def _check_cookies(host: str, response: httpx.Response) -> Verdict:
    check = host_check("cookies", host, "cookies")
    cookies = [
        (text.split("=", 1)[0], {part.strip().lower() for part in text.split(";")[1:]})
        for text in response.headers.get_list("set-cookie")
    ]
    if not any(name.startswith(_NONCE) for name, _ in cookies):
        return check.failed(f"the redirect comes without the cookie {_NONCE}", symptoms.REDIRECT_LOOP)
    insecure = sorted(name for name, attributes in cookies if "secure" not in attributes)
    if insecure:
        return check.failed(f"{', '.join(insecure)} without Secure")
    return check.passed(f"{', '.join(sorted(name for name, _ in cookies))} with Secure")


def _check_freshness(client: httpx.Client, host: str, target: str, until: str) -> Verdict:
    """Check that a second visitor gets a redirect with another state."""
    check = host_check("fresh-redirect", host, "no cached redirect")
    client.cookies.clear()
    again = _follow(client, f"https://{host}/", until=until)
    if again.target and _state(again.target) == _state(target):
        return check.failed("two visitors get the same state: the redirect is cached", symptoms.REDIRECT_LOOP)
    return check.passed("each visitor gets another state")


def _check_sign_in_page(client: httpx.Client, host: str, target: str) -> Verdict:
    check = host_check("sign-in-page", host, "Kinde's sign-in page")
    trail = _follow(client, target, until=callback_url(host))
    place = without_query(trail.url)
    if trail.looped:
        return check.failed(f"{place} comes up repeatedly", symptoms.REDIRECT_LOOP)
    if trail.target:
        error = parse_qs(urlsplit(trail.target).query).get("error", [""])[0]
        if error:
            return check.failed(f"Kinde sends back the error {error[:60]}", symptoms.PROVIDER_ERROR)
        return check.failed("Kinde sends the browser back without asking anybody to sign in")
    status = trail.response.status_code
    if (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        and "redirect" in trail.response.text.lower()
    ):
        return check.failed(f"Kinde answers {status} at {place}", symptoms.CALLBACK_MISMATCH)
    if status != HTTPStatus.OK or "html" not in trail.response.headers.get("content-type", ""):
        return check.failed(f"Kinde answers {status} at {place}, but no page")
    return check.passed(place)


def _around_cloudfront(stack: Stack, web: Web, host: str) -> list[Verdict]:
    """Ask the load balancer itself for a host, which only CloudFront should be able to do."""
    check = Check(f"around-cloudfront/{host}", f"{stack.origin} asked for {host}")
    return [_check_refusal(web, check, stack.origin, host, stack.origin)]


def _around_cloudflare(stack: Stack, web: Web, host: str, distribution: str | None, why_not: str) -> list[Verdict]:
    """Ask a distribution by its own name and, if only Cloudflare is allowed, for the host as well."""
    if not distribution:
        text = why_not or "no distribution serves this host yet"
        return [host_check("distribution", host, "distribution").undecided(f"not checked: {text}")]
    by_name = Check(f"distribution-by-name/{host}", f"{distribution} by its own name")
    verdicts = [_check_refusal(web, by_name, distribution, distribution, distribution)]
    if stack.settings.only_cloudflare_viewers:
        for_host = Check(f"around-cloudflare/{host}", f"{distribution} asked for {host}")
        verdicts.append(_check_refusal(web, for_host, distribution, host, host))
    return verdicts


def _check_refusal(web: Web, check: Check, address: str, host: str, server_name: str) -> Verdict:
    """Check that a request is answered with 403, or that the connection is refused."""
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
            return check.undecided("the name has no address")
        if refusal := refused_certificate(error):
            return tls.refused(check, refusal)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return check.passed(f"refused: no connection ({type(error).__name__})")
        # A refusal comes at once. A request that was accepted could be on its way to the application.
        return check.failed(f"accepts the request and doesn't refuse it ({type(error).__name__}): run it again")
    if response.status_code == HTTPStatus.FORBIDDEN:
        return check.passed("refused with 403")
    return check.failed(f"answers {response.status_code}: CloudFront or Cloudflare can be bypassed")


def _has_no_address(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


@dataclass(frozen=True)
class _Trail:
    """Where following redirects ended: the last URL and its answer, and the wanted URL if it was reached."""

    url: str
    response: httpx.Response
    target: str = ""
    looped: bool = False


def _follow(client: httpx.Client, url: str, until: str) -> _Trail:
    """Follow redirects until one leads to `until` (apart from its query), or they end, or they loop."""
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
