"""What `init` offers as the answer to a question, and how sure it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from operations.init.lookups import ACCOUNT, FACTS, IN_ACCOUNT, REGION, Choice, Lookups
from operations.init.questions import NAME, Answers, Question, refusals
from stackfiles.json_type import Json
from stackfiles.stack_file import StackFile

_PROVIDERS: Final = {"circleciProviderManaged": "circleci", "githubProviderManaged": "github"}
"""Key -> issuer. An account has one OIDC provider of an issuer; the first of its stacks makes it."""

_SIGN_IN: Final = "kinde"
"""Begins the keys of what each environment has of its own in Kinde, or a test user of one could sign in to all."""


@dataclass(frozen=True)
class Offer:
    """An answer that is offered, or None. One that isn't certain is only taken by people, who see it."""

    value: Json = None
    certain: bool = False
    choices: Sequence[Choice] = ()


class Offers:
    """What is known before anybody is asked.

    Args:
        stack: The stack's name.
        files: Every stack of the project -> its file; the stack's own may have no text yet.
        like: The stack whose answers are taken over, or "".
        name: The project's name, or None if it is the example's.
        lookups: What can be looked up.
    """

    def __init__(self, stack: str, files: Mapping[str, StackFile], like: str, name: Json, lookups: Lookups) -> None:
        self._stack = stack
        self._files = {stack: _answered(file) for stack, file in files.items()}
        if name is not None:
            self._files[stack][NAME] = name
        self._like = like
        self._lookups = lookups

    def answered(self, question: Question) -> bool:
        """Tell whether the stack's own file has an answer, which is no example."""
        return question.key in self._files[self._stack]

    def offer(self, question: Question, answers: Answers, *, look_up: bool) -> Offer:
        """Return what is offered for a question, given the answers before it; nothing that would be refused."""
        choices = self._lookups.choices(question, answers) if look_up else ()
        for known in (self._files[self._stack].get(question.key), self._derived(question.key, answers)):
            if known is not None:
                return Offer(known, certain=True, choices=choices)
        likely = self._lookups.likely(question.key, choices)
        alike, same = self._taken_over(question.key, answers)
        offers = [
            Offer(alike, certain=same, choices=choices) if same else Offer(),
            Offer(question.read(", ".join(likely)), question.key in FACTS, choices) if likely else Offer(),
            Offer(alike, choices=choices),
        ]
        for offer in offers:
            if offer.value is not None and not refusals(self._stack, question.key, offer.value):
                return offer
        return Offer(choices=choices)

    def _derived(self, key: str, answers: Answers) -> Json:
        """Return what follows from other answers, if it isn't the default."""
        account = answers.get(ACCOUNT)
        if key not in _PROVIDERS or not account:
            return None
        others = [held for name, held in self._files.items() if name != self._stack and held.get(ACCOUNT) == account]
        makers = [held for held in others if held.get("ciIssuer", "circleci") in (_PROVIDERS[key], "both")]
        return False if any(held.get(key) in (None, True, "true") for held in makers) else None

    def _taken_over(self, key: str, answers: Answers) -> tuple[Json, bool]:
        """Return another stack's answer, under this stack's name, and whether it is right for this one too."""
        held = self._files.get(self._like, {})
        value = held.get(key)
        elsewhere = any(held.get(place) != answers.get(place) for place in (REGION, ACCOUNT))
        if value is None or (key in IN_ACCOUNT and elsewhere) or key in _PROVIDERS:
            return None, False
        renamed = _renamed(value, self._like, self._stack)
        if renamed != value and key in FACTS:
            return None, False
        return renamed, renamed == value and not key.startswith(_SIGN_IN)


def _answered(file: StackFile) -> dict[str, Json]:
    """Return the values of a file that its owner gave: no examples and no secrets."""
    return {
        key: entry.value
        for key, entry in file.entries.items()
        if not entry.example and not isinstance(entry.value, dict)
    }


def _renamed(value: Json, before: str, after: str) -> Json:
    """Return a value with another stack's name wherever the one before stands as a word.

    >>> _renamed(["dev-cluster", "devices"], "dev", "staging")
    ['staging-cluster', 'devices']
    """
    if isinstance(value, list):
        return [_renamed(item, before, after) for item in value]
    return re.sub(rf"(?<![a-z0-9]){re.escape(before)}(?![a-z0-9])", after, value) if isinstance(value, str) else value
