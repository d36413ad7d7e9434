"""`preflight`: checks that everything a deploy relies on exists."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from components.catalogue import SECRETS, Maker, bucket_names
from components.kinde_endpoints import callback_url
from components.parameter_catalogue import stack_parameters
from operations import kinde_answers
from operations.aws import Aws
from operations.checks import ways_in
from operations.checks.buckets import bucket_check, check_bucket
from operations.checks.certificates import certificates, check_certificate
from operations.checks.circleci import CONTEXTS, check_contexts
from operations.checks.cloudflare import ZONE, check_zone
from operations.checks.images import check_image, image_check, images
from operations.checks.stored_values import check_parameter, check_secret, parameter_check, secret_check
from operations.engine_state import EngineState
from operations.stack import Stack
from operations.stored_secret import stored_secret
from operations.symptoms import UNCOVERED_HOST
from operations.tls import edge_certificate, is_too_deep
from operations.verdicts import Check, Outcome, Verdict, host_check
from operations.web import Web
from stackfiles.failures import Failure

Look = Callable[[], Verdict | Sequence[Verdict]]
"""The function of a check; if it raises `Failure`, the message becomes the verdict."""

_WORKERS: Final = 8
_ACCOUNT: Final = Check("account", "account")
_REGION: Final = Check("region", "region")
_EXAMPLES: Final = Check("examples", "example values")
_STATE: Final = Check("state", "state")
_KINDE: Final = Check("kinde", "Kinde")
_CALLBACKS: Final = Check("kinde/callbacks", "Kinde: callback URLs")
_SIGN_UP: Final = Check("kinde/sign-up", "Kinde: self-registration")


def run(stack: Stack, aws: Aws, web: Web, load_state: Callable[[], EngineState]) -> list[Verdict]:
    """Run every check and return the verdicts in a fixed order.

    If the credentials belong to another account, nothing in it is read, since its secrets don't concern this stack.
    `load_state` returns the stack's state, or raises `Failure` if it can't be read.

    Raises:
        BadConfiguration: there are no valid AWS credentials.
    """
    account = _check_account(stack, aws)
    if account.outcome is Outcome.FAILED:
        return [account, Check("else", "everything else").undecided("not checked: this is another account")]
    # Threads can share a client, but mustn't create one (boto3, "Multithreading or multiprocessing").
    in_account = _list_certificate_checks(stack, aws)
    with ThreadPoolExecutor(_WORKERS) as workers:
        loading = workers.submit(_load, load_state)
        elsewhere = workers.map(_make, [*in_account, *_list_outside_checks(stack, web)])
        state, stated = loading.result()
        stored = workers.map(_make, [*_list_stored_checks(stack, aws, state), *_list_ways_in(stack, aws, state)])
        return [
            account,
            _check_region(stack, aws),
            _check_examples(stack),
            stated,
            *(verdict for verdicts in (*stored, *elsewhere) for verdict in verdicts),
        ]


def _list_stored_checks(stack: Stack, aws: Aws, state: EngineState | None) -> Iterable[tuple[Check, Look]]:
    """Yield the checks of what the account stores: secrets, those made by hand first, parameters, buckets, images."""
    secrets, parameters, buckets = aws.secrets(), aws.parameters(), aws.buckets()
    for secret in sorted(SECRETS, key=lambda secret: secret.maker is Maker.PROGRAM):
        stored = stored_secret(stack, secrets, secret)
        yield secret_check(stack, secret), partial(check_secret, stack, secret, stored, state)
    for parameter in stack_parameters(here=stack.settings.here):
        yield parameter_check(stack, parameter), partial(check_parameter, stack, parameter, parameters, state)
    for component, name in bucket_names(stack.names).items():
        yield bucket_check(name), partial(check_bucket, stack, component, name, buckets, state)
    if named := images(stack):
        registry = aws.client("ecr")
        for repository, digest in named:
            yield image_check(repository), partial(check_image, repository, digest, registry)


def _list_ways_in(stack: Stack, aws: Aws, state: EngineState | None) -> Iterable[tuple[Check, Look]]:
    """Yield the checks for other ways to the hosts, the load balancer and the targets."""
    yield (
        ways_in.DISTRIBUTIONS,
        partial(
            ways_in.check_ways,
            ways_in.DISTRIBUTIONS,
            partial(ways_in.other_distributions, stack, aws.distributions()),
            state,
        ),
    )
    balancers = aws.balancers()
    # EC2's client takes long to create, and isn't used while there is no load balancer.
    network = aws.network() if state and state.ids(ways_in.BALANCER) else balancers
    finds: Mapping[Check, ways_in.Find] = {
        ways_in.LISTENERS: partial(ways_in.other_listeners, balancers),
        ways_in.SECURITY_GROUPS: partial(ways_in.other_openings, balancers, network),
        ways_in.TARGETS: partial(ways_in.other_balancers, balancers),
    }
    for check, find in finds.items():
        yield check, partial(ways_in.check_ways, check, find, state, ways_in.BALANCER)


def _list_certificate_checks(stack: Stack, aws: Aws) -> list[tuple[Check, Look]]:
    return [
        (certificate.check, partial(check_certificate, certificate, aws.certificates(certificate.region)))
        for certificate in certificates(stack)
    ]


def _list_outside_checks(stack: Stack, web: Web) -> Iterable[tuple[Check, Look]]:
    """Yield the checks of Kinde, CircleCI, Cloudflare and the hosts."""
    yield _KINDE, partial(kinde_answers.discovery, stack, web)
    yield _CALLBACKS, partial(_tell_callbacks, stack)
    yield _SIGN_UP, _tell_sign_up
    yield CONTEXTS, partial(check_contexts, stack, web)
    yield ZONE, partial(check_zone, stack, web)
    for host in stack.hosts.values():
        yield _address_check(host), partial(_check_proxied_host, stack, web, host)
    yield _address_check(stack.origin), partial(_check_address, web, stack.origin)


def _make(item: tuple[Check, Look]) -> Sequence[Verdict]:
    """Run one check; a `Failure` becomes its verdict."""
    check, look = item
    try:
        found = look()
    except Failure as failure:
        return [check.failed(str(failure).removeprefix(f"{check.subject}: "))]
    return [found] if isinstance(found, Verdict) else found


def _load(load_state: Callable[[], EngineState]) -> tuple[EngineState | None, Verdict]:
    try:
        state = load_state()
    except Failure as failure:
        text = f"not checked: {failure}; what exists but isn't in it would make `up` fail"
        return None, _STATE.undecided(text)
    return state, _STATE.passed(f"{len(state.made)} resources")


def _check_account(stack: Stack, aws: Aws) -> Verdict:
    found, wanted = aws.account(), stack.settings.account
    if found != wanted:
        return _ACCOUNT.failed(f"the credentials belong to account {found}, the stack to {wanted}; set AWS_PROFILE")
    return _ACCOUNT.passed(found)


def _check_region(stack: Stack, aws: Aws) -> Verdict:
    wanted, own = stack.settings.region, aws.own_region
    if own and own != wanted:
        return _REGION.failed(f"the shell's region is {own}, but the stack's is {wanted}; set AWS_REGION={wanted}")
    return _REGION.passed(wanted)


def _check_examples(stack: Stack) -> Verdict:
    if keys := [example.key for example in stack.examples]:
        return _EXAMPLES.failed(f"still marked EXAMPLE; replace them by your own: {', '.join(keys)}")
    return _EXAMPLES.passed("none is left")


def _tell_callbacks(stack: Stack) -> Verdict:
    urls = " and ".join(callback_url(host) for host in stack.hosts.values())
    return _CALLBACKS.undecided(f"can't be looked up; these must be registered: {urls}")


def _tell_sign_up() -> Verdict:
    """Say what a person has to check: no API of Kinde says whether visitors can create accounts.

    Its discovery document doesn't, nor does its Management API: GET /api/v1/environment leaves out the policies
    (https://docs.kinde.com/kinde-apis/management/). What its registration page answers isn't documented.
    Source: https://docs.kinde.com/authenticate/custom-configurations/disable-sign-up/
    """
    return _SIGN_UP.undecided(
        "not checked, because Kinde has no API for it: in Settings, Environment, Policies, `Allow self-sign up` "
        "must be off, or any visitor can create an account and sign in"
    )


def _address_check(host: str) -> Check:
    return host_check("address", host, "address")


def _check_address(web: Web, host: str) -> Verdict:
    try:
        socket.getaddrinfo(*web.address(host), proto=socket.IPPROTO_TCP)
    except socket.gaierror:
        return _address_check(host).undecided("none; the first apply creates the record")
    return _address_check(host).passed("resolves")


def _check_proxied_host(stack: Stack, web: Web, host: str) -> list[Verdict]:
    """Check the address of a host behind Cloudflare, and its certificate."""
    address = _check_address(web, host)
    if address.outcome is Outcome.PASSED:
        return [address, edge_certificate(web, host, stack.settings.domain)]
    shown = host_check("certificate", host, "certificate")
    if is_too_deep(host, stack.settings.domain):
        return [address, shown.undecided(f"no address yet; it may become an {UNCOVERED_HOST}")]
    return [address]
