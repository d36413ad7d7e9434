"""`rotate-kinde`: rotates the Kinde client secret of the load balancer, and can roll back until a sign-in worked.

The labels of the secret's versions record the progress, so that an interrupted run can continue:

    ROTATION_BEFORE  on the version that was current before the rotation, for rolling back
    ROTATION_NEW     on the new version, once it is stored
    ROTATION_BACK    on the version before the rotation, once a roll-back was asked for

All three stay until a sign-in worked. AWSCURRENT belongs on the version with ROTATION_BACK, or else on the one with
ROTATION_NEW. Secrets Manager deletes versions without a label, so with AWSPREVIOUS alone, the version before the
rotation would be lost when the new version is replaced by another one.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from components import kinde_client_secret
from components.catalogue import SECRETS, Shape
from operations import kinde_answers, shapes
from operations.aws import Aws
from operations.kinde_answers import ClientSecret
from operations.stack import Stack
from operations.stored_secret import CURRENT, StoredSecret, Versions, stored_secret
from operations.verdicts import progress, say
from operations.web import Web
from stackfiles.failures import BadConfiguration, Failure

BEFORE: Final = "ROTATION_BEFORE"
NEW: Final = "ROTATION_NEW"
BACK: Final = "ROTATION_BACK"


@dataclass(frozen=True)
class Person:
    """The person who does the rotation. Each question is asked only when its answer is needed.

    `new_secret` returns the secret that Kinde shows; `applied` returns whether the change was applied; `works` checks
    signing in at both hosts, prints the result, and returns whether it worked.
    """

    new_secret: Callable[[], SecretStr]
    applied: Callable[[], bool]
    works: Callable[[], bool]


def run(stack: Stack, aws: Aws, web: Web, person: Person, *, roll_back: bool, replace: bool) -> bool:
    """Begin a rotation, or continue the one that is under way; return False if signing in doesn't work.

    `roll_back` goes back to the client secret before the rotation; `replace` replaces the new one by another one.

    Raises:
        BadConfiguration: another account, no credentials, or there is nothing to roll back.
        Failure: AWS or Kinde refused or didn't answer; completed steps stay, run it again to continue.
    """
    aws.require_account(stack.settings.account)
    secret = next(secret for secret in SECRETS if secret.shape is Shape.OIDC_CLIENT_SECRET)
    stored = stored_secret(stack, aws.secrets(), secret)
    labels = _labels(stored)
    if roll_back and BACK not in labels:
        _begin_roll_back(stack, web, stored, labels)
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
    say(_describe_apply(stack, back=BACK in labels))
    if not person.applied():
        say("After that, run this command again with --applied to check that signing in works.")
        return True
    if not person.works():
        say(
            "The rotation isn't complete. Fix the problems above and run this command again, "
            "or roll it back: --roll-back"
        )
        return False
    _finish(stored)
    say(_describe_rest(stack, back=BACK in labels))
    return True


def _labels(stored: StoredSecret) -> dict[str, str]:
    versions: Versions | None = stored.versions()
    if versions is None or CURRENT not in versions.labels:
        raise Failure(f"{stored.name} is missing or has no value; `python -m operations preflight` says what is wrong")
    return versions.labels


def _begin(stack: Stack, web: Web, stored: StoredSecret, person: Person, labels: dict[str, str]) -> bool:
    """Store a new client secret under its label; return False if it is already stored."""
    new = person.new_secret()
    current = stored.value()
    wrong = shapes.find_problem(Shape.OIDC_CLIENT_SECRET, new.get_secret_value())
    if wrong or kinde_client_secret.is_json(new.get_secret_value()):
        raise BadConfiguration(f"the new client secret {wrong or 'is JSON'}; nothing was changed")
    if current and _read(current).get_secret_value() == new.get_secret_value():
        say(f"{stored.name} already has this client secret: there is nothing to rotate.")
        return False
    with progress("asking Kinde about the new client secret"):
        answer = kinde_answers.judge(stack, web, new)
    if answer is ClientSecret.REFUSED:
        raise Failure(
            f"Kinde doesn't accept this client secret for client {stack.settings.kinde_client_id} (invalid_client); "
            "nothing was changed"
        )
    if NEW not in labels and BACK not in labels and labels.get(BEFORE) != labels[CURRENT]:
        stored.move(BEFORE, to=labels[CURRENT], away_from=labels.get(BEFORE, ""))
    text = new.get_secret_value()
    value = kinde_client_secret.replace(current.get_secret_value(), text) if current else text
    stored.add(SecretStr(value), label=NEW)
    say(f"Kinde accepts the new client secret; it is stored in {stored.name}.")
    return True


def _begin_roll_back(stack: Stack, web: Web, stored: StoredSecret, labels: dict[str, str]) -> None:
    """Label the version before the rotation, if Kinde still accepts it."""
    if NEW not in labels:
        raise BadConfiguration(f"{stored.name}: no rotation is under way, so there is nothing to roll back")
    before = stored.value(BEFORE)
    if before is None:
        raise Failure(f"{stored.name}: the version before the rotation is gone ({BEFORE})")
    with progress("asking Kinde about the previous client secret"):
        answer = kinde_answers.judge(stack, web, _read(before))
    if answer is ClientSecret.REFUSED:
        raise Failure(
            "Kinde no longer accepts the client secret from before the rotation, so rolling back would lock everybody "
            "out; nothing was changed. Rotate in Kinde once more and finish this rotation with `--replace`"
        )
    stored.move(BACK, to=labels[BEFORE])


def _make_current(stored: StoredSecret, labels: dict[str, str]) -> None:
    """Move AWSCURRENT to the version that should have it; AWS then moves AWSPREVIOUS to the version that had it."""
    wanted = labels.get(BACK) or labels[NEW]
    if labels[CURRENT] != wanted:
        stored.move(CURRENT, to=wanted, away_from=labels[CURRENT])
        say(f"{stored.name}: {'the previous version' if BACK in labels else 'the new version'} is now current.")
    if BACK in labels and NEW in labels:
        stored.move(NEW, away_from=labels[NEW])


def _finish(stored: StoredSecret) -> None:
    labels = _labels(stored)
    # BACK and NEW are removed last: they mark a rotation as under way.
    for label in (BEFORE, BACK, NEW):
        if label in labels:
            stored.move(label, away_from=labels[label])


def _describe_apply(stack: Stack, *, back: bool) -> str:
    rules = " and ".join(stack.names.resource(application.label) for application in stack.hosts)
    return (
        f"Now apply it: make up STACK={stack.names.environment}\n"
        f"It changes only {len(stack.hosts)} listener rules: {rules} "
        f"(actions: the client secret {'from before the rotation' if back else 'just stored'}). "
        "Stop if the preview shows more."
    )


def _describe_rest(stack: Stack, *, back: bool) -> str:
    if back:
        return "Signing in works with the client secret from before the rotation: the roll-back is complete."
    return (
        "Signing in works at both hosts: the rotation is complete.\n"
        "Now delete the previous client secret in Kinde (Settings > Applications > Admin actions) and check once more: "
        "until it is deleted, a sign-in would also work with the old one.\n"
        f"python -m operations verify-login --sign-in --stack {stack.names.environment}"
    )


def _read(stored: SecretStr) -> SecretStr:
    """Return the client secret in a stored value."""
    text = stored.get_secret_value()
    if kinde_client_secret.is_json(text) and (wrong := shapes.find_problem(Shape.OIDC_CLIENT_SECRET, text)):
        raise Failure(f"the stored client secret {wrong}")
    return SecretStr(kinde_client_secret.read(text))
