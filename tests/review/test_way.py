"""The way of a request: the page's simulation gives the same answers as the one that tests/test_listener.py tests."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from review.listener import CALLBACK, Answer, Request
from review.way import STARTS, Sent, attacks, follow, way_in
from tests.planning import PROJECT, document_of
from tests.raw_plan import HEADER_SECRET, Variant, raw_plan
from tests.test_listener import (
    BASIC,
    HEADER,
    MACHINE_REQUESTS,
    NO_PROOF,
    PATHS,
    PREVIOUS,
    PROD,
    SESSIONS,
    UPGRADE,
    VARIANTS,
    hosts,
)

SCRIPT: Final = PROJECT / "review" / "page" / "browser" / "way.js"
OTHERS: Final = ("rocketclub.online", "origin.rocketclub.online", "xportal.rocketclub.online", "", "localhost")


def way(variant: Variant) -> dict[str, Any]:
    """The resources that answer requests, with their secrets in clear."""
    states: Any = [
        {"urn": step.urn, "type": step.type, "inputs": step.inputs, "propertyDependencies": step.references}
        for step in raw_plan(variant)
    ]
    return way_in(states)


EVERY: Final = 13
"""Every 13th request of all combinations is sent, and each value of each part still occurs.
All 160,000 were sent once, which took two minutes."""


def sent(variant: Variant) -> list[Sent]:
    """The requests of tests/test_listener.py, and others, at each place where they may arrive."""
    own = [*hosts(variant).values()]
    written = [*own, *(host.upper() for host in own), f"{own[0].title()}:443", *OTHERS]
    proofs = [*NO_PROOF.values(), {HEADER: HEADER_SECRET}, {HEADER.lower(): HEADER_SECRET}, {HEADER: PREVIOUS}]
    requests = [
        Request(host, path, {**proof, **more}, sessions)
        for host, path, proof, more, sessions in itertools.product(
            written, PATHS, proofs, ({}, UPGRADE, BASIC), (frozenset[str](), SESSIONS, frozenset(("rc-portal",)))
        )
    ][::EVERY]
    before = [
        Sent(request, method, start)
        for request in requests[::13]
        for start in STARTS
        for method in ("GET", "POST", "TRACE")
    ]
    requests += [
        Request(f"{label}.rocketclub.online", path, {HEADER: HEADER_SECRET, **headers})
        for label, path, headers, _ in MACHINE_REQUESTS
    ]
    return before + [Sent(request, start="balancer") for request in requests]


def test_the_page_and_the_simulation_answer_every_request_alike() -> None:
    node = shutil.which("node")
    if not node:
        pytest.skip("there is no node on the path")
    ways = {name: way(variant) for name, variant in VARIANTS.items()}
    cases = [(name, one) for name, variant in VARIANTS.items() for one in sent(variant)]
    told = [(name, request_data(one)) for name, one in cases]
    done = subprocess.run(
        [node, Path(__file__).with_name("way.mjs"), SCRIPT],
        input=json.dumps({"ways": ways, "requests": told}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = [follow(ways[name], one) for name, one in cases]
    different = [
        (*case, found, wanted)
        for case, found, wanted in zip(cases, json.loads(done.stdout), answers, strict=True)
        if Answer(**found) != wanted
    ]
    assert different == []
    assert len(cases) > 8_000
    assert {answer.kind for answer in answers} == {
        *("status", "sign-in", "callback", "target", "nowhere", "blocked", "closed"),
    }


def request_data(one: Sent) -> dict[str, Any]:
    request = one.request
    return {
        "start": one.start,
        "method": one.method,
        "host": request.host,
        "path": request.path,
        "headers": dict(request.headers),
        "sessions": sorted(request.sessions),
    }


def test_only_a_signed_in_person_reaches_an_application() -> None:
    states: Any = [step["newState"] for step in document_of("prod")["steps"]]
    masked = way_in(states)
    answers = {what: follow(masked, one) for what, one in attacks(masked)}
    assert {what for what, found in answers.items() if found.kind == "target"} == {"somebody who is signed in"}
    assert answers["bypassing Cloudflare, directly to the distribution"] == Answer("blocked")
    assert answers["the load balancer by its own name"].kind == "closed"


def test_the_way_through_the_distribution_carries_the_header() -> None:
    host = hosts(PROD)["portal"]
    forged = {HEADER: "forged"}
    assert follow(way(PROD), Sent(Request(host, "/", forged, SESSIONS))).kind == "target"
    assert follow(way(PROD), Sent(Request(host, CALLBACK))) == Answer("callback")
