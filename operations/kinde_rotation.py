"""`rotate-kinde`: a new client secret, from Kinde to the load balancer, with a way back until it is proven.

Where the procedure stands is kept in the labels of the secret's versions, so that it goes on wherever it broke off:

    ROTATION_BEFORE  on the version that was current before anything was done: the way back
    ROTATION_NEW     on the new version, from when it is stored
    ROTATION_BACK    on the version before, from when the way back was asked for

All three stay until signing in was seen to work. AWSCURRENT belongs to the version with ROTATION_BACK, or else to the
one with ROTATION_NEW. Secrets Manager deletes versions without a label, so AWSPREVIOUS alone wouldn't keep the way back
when the new version is replaced by yet another.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from components.catalogue import SECRETS, Shape
from operations import kinde_answers, shapes
from operations.aws import Aws
from operations.kinde_answers import ClientSecret
from operations.preflight import stored_secret
from operations.stack import Stack
from operations.stored_secret import CURRENT, StoredSecret, Versions
from operations.verdicts import progress, say
from operations.web import Web
from stackfiles.failures import BadConfiguration, Failure

BEFORE: Final = "ROTATION_BEFORE"
NEW: Final = "ROTATION_NEW"
BACK: Final = "ROTATION_BACK"


@dataclass(frozen=True)
class Person:
    """Who carries the rotation out, asked only when it comes to that.

    `new_secret` returns the secret that Kinde shows; `applied` tells whether the change was applied; `works` checks
    signing in at both hosts, prints what it found, and returns whether it worked.
    """

    new_secret: Callable[[], SecretStr]
    applied: Callable[[], bool]
    works: Callable[[], bool]


def run(stack: Stack, aws: Aws, web: Web, person: Person, *, roll_back: bool, replace: bool) -> bool:
    """Begin a rotation, or go on with the one that is under way; return whether nothing was found wrong.

    `roll_back` turns it round; `replace` puts yet another client secret in the place of the new one.

    Raises:
        BadConfiguration: another account, no credentials, or there is nothing to roll back.
        Failure: AWS or Kinde refused or didn't answer; what was done stays, run it again to go on.
    """
    aws.require_account(stack.settings.account)
    secret = next(secret for secret in SECRETS if secret.shape is Shape.OIDC_CLIENT_SECRET)
    stored = stored_secret(stack, aws.secrets(), secret)
    labels = _labels(stored)
    if roll_back and BACK not in labels:
        _begin_way_back(stack, web, stored, labels)
        labels = _labels(stored)
    under_way = NEW in labels or BACK in labels
    if not roll_back and (replace or not under_way):
        begun = _begin(stack, web, stored, person, labels)
        if not begun and not under_way:
            return True
        if begun and BACK in labels:
            stored.move(BACK, away_from=labels[BACK])
        labels = _labels(stored)
    _make_current(stored, labels)
    say(_what_to_apply(stack, back=BACK in labels))
    if not person.applied():
        say("When that is done, run this command again with --applied: it checks that signing in works.")
        return True
    if not person.works():
        say(
            "The rotation stays open. Correct what is named above and run this command again, "
            "or take the way back: --roll-back"
        )
        return False
    _finish(stored)
    say(_what_is_left(stack, back=BACK in labels))
    return True


def _labels(stored: StoredSecret) -> dict[str, str]:
    versions: Versions | None = stored.versions()
    if versions is None or CURRENT not in versions.labels:
        raise Failure(f"{stored.name}: is missing or has no value; `python -m operations preflight` says what it takes")
    return versions.labels


def _begin(stack: Stack, web: Web, stored: StoredSecret, person: Person, labels: dict[str, str]) -> bool:
    """Store a new client secret under its label; tell whether there was one to store."""
    new = person.new_secret()
    current = stored.value()
    wrong = shapes.problem(Shape.OIDC_CLIENT_SECRET, new.get_secret_value())
    if wrong or new.get_secret_value().startswith("{"):
        raise BadConfiguration(f"the new client secret {wrong or 'is JSON'}; nothing was changed")
    if current and _plain(current).get_secret_value() == new.get_secret_value():
        say(f"{stored.name} holds this client secret already: there is nothing to rotate.")
        return False
    with progress("asking Kinde about the new client secret"):
        opinion = kinde_answers.judge(stack, web, new)
    if opinion is ClientSecret.REFUSED:
        raise Failure(
            f"Kinde doesn't take this client secret for client {stack.settings.kinde_client_id} (invalid_client); "
            "nothing was changed"
        )
    if NEW not in labels and BACK not in labels and labels.get(BEFORE) != labels[CURRENT]:
        stored.move(BEFORE, to=labels[CURRENT], away_from=labels.get(BEFORE, ""))
    stored.add(_like(current, new), label=NEW)
    say(f"Kinde takes the new client secret; it is stored in {stored.name}.")
    return True


def _begin_way_back(stack: Stack, web: Web, stored: StoredSecret, labels: dict[str, str]) -> None:
    """Label the version before the rotation, if Kinde still takes it."""
    if NEW not in labels:
        raise BadConfiguration(f"{stored.name}: no rotation is under way, so there is nothing to roll back")
    before = stored.value(BEFORE)
    if before is None:
        raise Failure(f"{stored.name}: the version before the rotation is gone ({BEFORE})")
    with progress("asking Kinde about the client secret before"):
        opinion = kinde_answers.judge(stack, web, _plain(before))
    if opinion is ClientSecret.REFUSED:
        raise Failure(
            "Kinde no longer takes the client secret before the rotation, so going back would lock everybody out; "
            "nothing was changed. Rotate in Kinde once more and finish this rotation with `--replace`"
        )
    stored.move(BACK, to=labels[BEFORE])


def _make_current(stored: StoredSecret, labels: dict[str, str]) -> None:
    """Give AWSCURRENT to the version that it belongs to; what had it becomes AWSPREVIOUS by itself."""
    due = labels.get(BACK) or labels[NEW]
    if labels[CURRENT] != due:
        stored.move(CURRENT, to=due, away_from=labels[CURRENT])
        say(f"{stored.name}: {'the version before' if BACK in labels else 'the new version'} is the current one.")
    if BACK in labels and NEW in labels:
        stored.move(NEW, away_from=labels[NEW])


def _finish(stored: StoredSecret) -> None:
    labels = _labels(stored)
    # The labels that tell that a rotation is under way go last.
    for label in (BEFORE, BACK, NEW):
        if label in labels:
            stored.move(label, away_from=labels[label])


def _what_to_apply(stack: Stack, *, back: bool) -> str:
    rules = " and ".join(stack.names.resource(application.label) for application in stack.hosts)
    return (
        f"Now apply it: make up STACK={stack.names.environment}\n"
        f"It changes {len(stack.hosts)} listener rules and nothing else: {rules} "
        f"(actions: the client secret {'before the rotation' if back else 'just stored'}). "
        "Stop if the preview shows more."
    )


def _what_is_left(stack: Stack, *, back: bool) -> str:
    if back:
        return "Signing in works with the client secret before the rotation. The way back is complete."
    return (
        "Signing in works at both hosts: the rotation is complete.\n"
        "Now delete the previous client secret in Kinde (Settings > Applications > Admin actions) and check once more, "
        "because until then the old one would have worked too:\n"
        f"python -m operations verify-login --sign-in --stack {stack.names.environment}"
    )


def _plain(secret: SecretStr) -> SecretStr:
    """Return the client secret itself, also where it is kept as a member of JSON."""
    text = secret.get_secret_value()
    if not text.startswith("{"):
        return secret
    wrong = shapes.problem(Shape.OIDC_CLIENT_SECRET, text)
    if wrong:
        raise Failure(f"the stored client secret {wrong}")
    return SecretStr(str(json.loads(text)["client_secret"]))


def _like(current: SecretStr | None, new: SecretStr) -> SecretStr:
    """Return the new client secret in the form that the current one has."""
    text = current.get_secret_value() if current else ""
    if not text.startswith("{"):
        return new
    return SecretStr(json.dumps({**json.loads(text), "client_secret": new.get_secret_value()}))
