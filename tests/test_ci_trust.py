"""Which tokens the trust policies of CI's roles accept, as decided by a third-party IAM evaluator."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from tests.iam_evaluator import missing, simulate
from tests.owner import config
from tests.planning import plan_of

STACK = "prod"
SETTINGS = config(STACK)
TOKENS = 1000


@dataclass(frozen=True)
class Token:
    """Claims of CircleCI's second kind of token about its job (https://circleci.com/docs/openid-connect-tokens/)."""

    organization: str
    project: str
    user: str
    repository: str
    ref: str
    audience: str

    @property
    def subject(self) -> str:
        """The subject, composed as CircleCI does it."""
        return (
            f"org/{self.organization}/project/{self.project}/user/{self.user}"
            f"/vcs-origin/{self.repository}/vcs-ref/{self.ref}"
        )


def setting(key: str) -> str:
    return str(SETTINGS[key])


def own(ref: str) -> Token:
    organization = setting("circleciOrganizationId")
    return Token(
        organization,
        setting("circleciProjectId"),
        str(uuid.UUID(int=7)),
        setting("circleciRepository"),
        ref,
        organization,
    )


PIECES = ("x", "main", "Main", "MAIN", "release/1", "ma", "in", "m*n", "ma?n", "", str(uuid.UUID(int=7)))
SHAPES = ("{piece}", "{piece}/{rest}", "{rest}/{piece}", "main/{piece}", "{piece}/main", "{piece}main", "main{piece}")


def branch(chance: random.Random) -> str:
    """A name that anyone who can push could give a branch; git would refuse some of them."""
    rest = "refs/heads/main"
    for before in ("vcs-ref/", f"vcs-origin/{setting('circleciRepository')}/", f"user/{uuid.UUID(int=7)}/"):
        if chance.random() < 0.7:
            rest = before + rest
    return chance.choice(SHAPES).format(piece=chance.choice(PIECES), rest=rest)


KINDS = ("refs/heads/", "refs/heads/", "refs/heads/", "refs/tags/", "refs/pull/", "REFS/HEADS/", "")


def tokens(seed: int) -> list[Token]:
    """Tokens of jobs close to the intended ones: each differs from them in at most two claims."""
    chance = random.Random(seed)
    repository = setting("circleciRepository")
    changes: Mapping[str, Any] = {
        "organization": lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        "project": lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        "user": lambda: str(uuid.UUID(int=chance.getrandbits(128))),
        "repository": lambda: chance.choice(
            (repository.upper(), f"{repository}-2", f"x{repository}", repository.rpartition("/")[0] + "/other")
        ),
        "audience": lambda: chance.choice((str(uuid.UUID(int=chance.getrandbits(128))), "sts.amazonaws.com", "")),
    }
    found = []
    for _ in range(TOKENS):
        token = own(chance.choice(KINDS) + branch(chance) if chance.random() < 0.8 else "refs/heads/main")
        for claim in chance.sample(sorted(changes), chance.choice((0, 0, 1, 1, 2))):
            token = replace(token, **{claim: changes[claim]()})
        found.append(token)
    return found


def is_intended(role: str, token: Token) -> bool:
    """Whether a token is meant to get a role, judged by its claims and not by its composed subject."""
    claims = own("")
    ours = replace(token, user=claims.user, ref=claims.ref) == claims
    return ours and (token.ref == "refs/heads/main" or (role == "ci-preview" and token.ref.startswith("refs/heads/")))


@cache
def trusts() -> dict[str, dict[str, Any]]:
    """Purpose of each role that CI's tokens can get -> the statement of its trust policy."""
    found = {}
    for role in plan_of(STACK).inputs("aws:iam/role:Role"):
        (statement,) = json.loads(role["assumeRolePolicy"])["Statement"]
        if "Federated" in statement["Principal"]:
            found[role["name"].removeprefix(f"{STACK}-")] = statement
    return found


def test_exactly_the_intended_tokens_get_each_role() -> None:
    if reason := missing():
        pytest.skip(f"the evaluator of IAM can't run: {reason}")
    assert trusts().keys() == {"ci-preview", "ci-deploy", "ci-deployer-trigger"}
    asked = [(role, token) for role in trusts() for token in tokens(len(role))]
    answers = simulate([request(trusts()[role], token) for role, token in asked])
    wrong = [
        (role, token)
        for (role, token), answer in zip(asked, answers, strict=True)
        if answer != is_intended(role, token)
    ]
    assert wrong == []
    assert 0.1 < sum(answers) / len(answers) < 0.9


def request(trust: Mapping[str, Any], token: Token) -> dict[str, Any]:
    """Ask whether a trust policy accepts a token, as a question about an identity policy with the same conditions.

    The evaluator knows the condition keys of few issuers, so one of those stands in for the issuer's name.
    """
    issuer, known = trust["Principal"]["Federated"].partition("oidc-provider/")[2], "accounts.google.com"
    conditions = json.loads(json.dumps(trust["Condition"]).replace(issuer, known))
    statement = {"Effect": "Allow", "Action": trust["Action"], "Resource": "*", "Condition": conditions}
    return {
        "policy": {"Version": "2012-10-17", "Statement": statement},
        "boundary": None,
        "action": trust["Action"],
        "resource": "arn:aws:iam::123456789012:role/ci",
        "context": {f"{known}:sub": token.subject, f"{known}:aud": token.audience},
    }
