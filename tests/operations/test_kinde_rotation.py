"""`rotate-kinde` stores the new client secret and keeps the old one until the new one is proven, whatever fails."""

from __future__ import annotations

import json

import pytest

from tests.operations.cloud import fault_at
from tests.operations.conftest import CLIENT_SECRET, KINDE_SECRET, Bench
from tests.operations.edge_double import DISTRIBUTIONS

NEW = "CanaryClientSecretAfter0123456789"
NEWER = "CanaryClientSecretEvenLater012345"
LOOKED_UP = tuple(f"--distribution={host}={name}" for host, name in DISTRIBUTIONS.items())
PROVEN = ("rotate-kinde", *LOOKED_UP, "--applied", "--signed-in")
DONE = {"AWSCURRENT": NEW, "AWSPREVIOUS": CLIENT_SECRET}
BACK = {"AWSCURRENT": CLIENT_SECRET, "AWSPREVIOUS": NEW}
WRITES = ("PutSecretValue", "UpdateSecretVersionStage")


@pytest.fixture
def kinde(bench: Bench) -> Bench:
    """A bench whose Kinde has issued two more client secrets."""
    bench.kinde.client_secrets |= {NEW, NEWER}
    return bench


def labels(bench: Bench) -> dict[str, str]:
    return bench.cloud.labels(KINDE_SECRET)


def test_a_rotation_goes_step_by_step(kinde: Bench) -> None:
    first = kinde.run("rotate-kinde", stdin=NEW + "\n")
    assert first.code == 0
    assert "make up STACK=prod" in first.out
    assert "It changes only 2 listener rules: prod-portal and prod-pipelines" in first.text
    assert "--applied" in first.out
    assert labels(kinde) == {**DONE, "ROTATION_BEFORE": CLIENT_SECRET, "ROTATION_NEW": NEW}

    unproven = kinde.run("rotate-kinde", *LOOKED_UP, "--applied")
    assert unproven.code == 1
    assert "SIGN_IN_EMAIL and SIGN_IN_PASSWORD, or sign in yourself" in unproven.text
    assert labels(kinde)["ROTATION_BEFORE"] == CLIENT_SECRET

    last = kinde.run(*PROVEN)
    assert last.code == 0
    assert "the rotation is complete" in last.out
    assert "delete the previous client secret in Kinde" in last.out
    assert labels(kinde) == DONE


def test_a_failed_sign_in_can_be_rolled_back(kinde: Bench) -> None:
    kinde.run("rotate-kinde", stdin=NEW)
    kinde.edge.status = 500
    broken = kinde.run(*PROVEN)
    assert broken.code == 1
    assert "500: the load balancer can't complete the sign-in" in broken.text
    assert "--roll-back" in broken.out
    kinde.edge.status = 0
    back = kinde.run("rotate-kinde", "--roll-back")
    assert back.code == 0
    assert "the client secret from before the rotation" in back.out
    assert labels(kinde) == {**BACK, "ROTATION_BEFORE": CLIENT_SECRET, "ROTATION_BACK": CLIENT_SECRET}
    assert kinde.run(*PROVEN).code == 0
    assert labels(kinde) == BACK


@pytest.mark.parametrize("signed_in", ["y", "n"])
def test_a_rotation_on_a_terminal_asks_for_the_proof(kinde: Bench, signed_in: str) -> None:
    answers = ["yes", signed_in]
    kinde.patch.setattr("getpass.getpass", lambda _: NEW)
    kinde.patch.setattr("builtins.input", lambda _: answers.pop(0))
    outcome = kinde.run("rotate-kinde", *LOOKED_UP, terminal=True)
    assert (outcome.code, answers) == (0 if signed_in == "y" else 1, [])
    assert ("ROTATION_BEFORE" in labels(kinde)) is (signed_in == "n")
    assert labels(kinde)["AWSCURRENT"] == NEW


def test_replacing_the_new_secret_keeps_the_way_back(kinde: Bench) -> None:
    kinde.run("rotate-kinde", stdin=NEW)
    assert kinde.run("rotate-kinde", "--replace", stdin=NEWER).code == 0
    assert labels(kinde) == {
        "AWSCURRENT": NEWER,
        "ROTATION_NEW": NEWER,
        "AWSPREVIOUS": NEW,
        "ROTATION_BEFORE": CLIENT_SECRET,
    }
    assert kinde.run(*PROVEN, "--roll-back").code == 0
    assert labels(kinde)["AWSCURRENT"] == CLIENT_SECRET


@pytest.mark.parametrize("secret", [NEW, CLIENT_SECRET])
def test_a_secret_can_be_replaced_after_a_roll_back(kinde: Bench, secret: str) -> None:
    kinde.run("rotate-kinde", stdin=NEW)
    kinde.run("rotate-kinde", "--roll-back")
    assert kinde.run(*PROVEN, "--replace", stdin=secret).code == 0
    assert labels(kinde)["AWSCURRENT"] == secret
    assert not any(label.startswith("ROTATION") for label in labels(kinde))


def test_a_roll_back_to_a_deleted_secret_is_refused(kinde: Bench) -> None:
    kinde.run("rotate-kinde", stdin=NEW)
    kinde.kinde.client_secrets.remove(CLIENT_SECRET)
    before = labels(kinde)
    outcome = kinde.run("rotate-kinde", "--roll-back")
    assert outcome.code == 1
    assert "would lock everybody out" in outcome.err
    assert labels(kinde) == before


def test_other_members_of_a_json_secret_are_kept(kinde: Bench) -> None:
    kinde.cloud.put(KINDE_SECRET, json.dumps({"client_id": "x", "client_secret": CLIENT_SECRET}))
    assert kinde.run(*PROVEN, stdin=NEW).code == 0
    assert json.loads(labels(kinde)["AWSCURRENT"]) == {"client_id": "x", "client_secret": NEW}


@pytest.mark.parametrize("authentication", ["body", "header"])
def test_both_ways_of_client_authentication_work(kinde: Bench, authentication: str) -> None:
    kinde.kinde.authentication = authentication
    assert kinde.run("rotate-kinde", stdin=NEW).code == 0
    assert labels(kinde)["AWSCURRENT"] == NEW


# What is typed, and Kinde's fault -> exit code and message; nothing is changed.
REFUSED = {
    "not Kinde's": ("CanaryClientSecretOfAnother012345", "", 1, "(invalid_client); nothing was changed"),
    "too short": ("CanaryShort", "", 2, "the new client secret isn't 16 or more printable"),
    "empty": ("", "", 2, "the new client secret is empty"),
    "JSON": ('{"client_secret": "CanaryClientSecretInJson0123"}', "", 2, "the new client secret is JSON"),
    "Kinde is down": (NEW, "down", 1, "neither invalid_grant nor invalid_client, but HTTP 503"),
    "Kinde answers oddly": (NEW, "odd", 1, "neither invalid_grant nor invalid_client, but another error (HTTP 400)"),
    "the same": (CLIENT_SECRET, "", 0, "there is nothing to rotate"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_secret_is_stored_only_after_kinde_accepts_it(bench: Bench, case: str) -> None:
    typed, bench.kinde.fault, code, said = REFUSED[case]
    bench.kinde.client_secrets.add(NEW)
    outcome = bench.run("rotate-kinde", stdin=typed)
    assert (outcome.code, said in outcome.text) == (code, True), outcome.text
    assert labels(bench) == {"AWSCURRENT": CLIENT_SECRET}
    assert not {*WRITES} & {*bench.cloud.calls}


def test_kinde_is_asked_again_when_it_is_busy(kinde: Bench) -> None:
    kinde.kinde.fault = "busy"
    assert kinde.run("rotate-kinde", stdin=NEW).code == 0


def test_a_lost_answer_writes_nothing_twice(kinde: Bench) -> None:
    kinde.patch.setenv("AWS_MAX_ATTEMPTS", "3")
    kinde.cloud.fault = lambda number, operation: "lost" if operation in WRITES and number % 2 else ""
    assert kinde.run(*PROVEN, stdin=NEW).code == 0
    assert labels(kinde) == DONE


def test_a_missing_answer_from_kinde_is_reported(kinde: Bench) -> None:
    outcome = kinde.run("rotate-kinde", "--connect-to=ronaldhatcher.kinde.com:443:127.0.0.1:1", stdin=NEW)
    assert outcome.code == 1
    assert "Kinde's token endpoint doesn't answer (ConnectError); nothing was changed" in outcome.err
    assert labels(kinde) == {"AWSCURRENT": CLIENT_SECRET}


def test_bad_usage_is_refused(kinde: Bench) -> None:
    assert kinde.run("rotate-kinde", "--roll-back").code == 2
    with pytest.raises(SystemExit) as ended:
        kinde.run("rotate-kinde", "--roll-back", "--replace")
    assert ended.value.code == 2
    kinde.configure(aws__allowedAccountIds=["210987654321"])
    other = kinde.run("rotate-kinde", stdin=NEW)
    assert other.code == 2
    assert "set AWS_PROFILE" in other.err
    assert not {*WRITES} & {*kinde.cloud.calls}


def test_a_run_that_broke_off_at_any_call_can_be_repeated(kinde: Bench) -> None:
    assert kinde.run(*PROVEN, stdin=NEW).code == 0
    assert labels(kinde) == DONE
    all_ways = kinde.cloud.breaks()
    assert len(all_ways) >= 13
    tried = set()
    for way in all_ways:
        kinde.start_over()
        kinde.kinde.client_secrets.add(NEW)
        kinde.cloud.fault = fault_at(*way)
        broken = kinde.run(*PROVEN, stdin=NEW)
        assert (broken.code, "(BrokenOff)" in broken.err) == (1, True), way
        # The way back exists until signing in has been proven.
        assert CLIENT_SECRET in labels(kinde).values(), way
        if kinde.cloud.written in tried:
            continue  # nothing was written since an earlier break, so the next run would be the same
        tried.add(kinde.cloud.written)
        assert kinde.run(*PROVEN, stdin=NEW).code == 0, way
        assert labels(kinde) == DONE, way


def test_a_roll_back_that_broke_off_at_any_call_can_be_repeated(kinde: Bench) -> None:
    kinde.run("rotate-kinde", stdin=NEW)
    begun = kinde.cloud.versions(KINDE_SECRET)
    kinde.cloud.reset()
    assert kinde.run(*PROVEN, "--roll-back").code == 0
    assert labels(kinde) == BACK
    all_ways = kinde.cloud.breaks()
    assert len(all_ways) >= 12
    tried = set()
    for way in all_ways:
        kinde.cloud.set_versions(KINDE_SECRET, begun)
        kinde.cloud.reset()
        kinde.cloud.fault = fault_at(*way)
        assert kinde.run(*PROVEN, "--roll-back").code == 1, way
        assert {CLIENT_SECRET, NEW} == {*labels(kinde).values()}, way
        if kinde.cloud.written in tried:
            continue
        tried.add(kinde.cloud.written)
        again = kinde.run(*PROVEN, "--roll-back")
        assert labels(kinde) == BACK, (way, again.text)
