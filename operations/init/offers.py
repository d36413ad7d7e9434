"""Works out which answer `init` offers to a question, and whether it is certain."""

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
"""Key -> issuer. An account has one OIDC provider per issuer; the first of its stacks creates it."""

_SIGN_IN: Final = "kinde"
"""The prefix of Kinde's keys. Each environment needs its own values, or one's test users could sign in to all."""


@dataclass(frozen=True)
class Offer:
    """An offered answer, or None. An answer that isn't certain is used only if a person accepts it."""

    value: Json = None
    certain: bool = False
    choices: Sequence[Choice] = ()


class Offers:
    """The answers that are known before anybody is asked.

    Args:
        stack: The stack's name.
        files: Every stack of the project -> its file; the stack's own may still be empty.
        like: The stack whose answers are reused, or "".
        name: The project's name, or None if it is still the example's.
        lookups: Looks up choices.
    """

    def __init__(self, stack: str, files: Mapping[str, StackFile], like: str, name: Json, lookups: Lookups) -> None:
        self._stack = stack
        self._files = {stack: _answered(file) for stack, file in files.items()}
        if name is not None:
            self._files[stack][NAME] = name
        self._like = like
        self._lookups = lookups

    def answered(self, question: Question) -> bool:
        """Return whether the stack's own file has an answer that isn't an example."""
        return question.key in self._files[self._stack]

    def offer(self, question: Question, answers: Answers, *, look_up: bool) -> Offer:
        """Return the offer for a question, given the answers before it; never an answer that would be refused."""
        choices = self._lookups.choices(question, answers) if look_up else ()
        for known in (self._files[self._stack].get(question.key), self._derived(question.key, answers)):
            if known is not None:
                return Offer(known, certain=True, choices=choices)
        likely = self._lookups.likely(question.key, choices)
        alike, same = self._reused(question.key, answers)
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
        """Return the answer that other answers imply, if it isn't the default."""
        account = answers.get(ACCOUNT)
        if key not in _PROVIDERS or not account:
            return None
        others = [held for name, held in self._files.items() if name != self._stack and held.get(ACCOUNT) == account]
        makers = [held for held in others if held.get("ciIssuer", "circleci") in (_PROVIDERS[key], "both")]
        return False if any(held.get(key) in (None, True, "true") for held in makers) else None

    def _reused(self, key: str, answers: Answers) -> tuple[Json, bool]:
        """Return the answer of the stack in `like`, with names adapted, and whether it is right for this stack too."""
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
    """Return the values of a file that its owner set: no examples and no secrets."""
    return {
        key: entry.value
        for key, entry in file.entries.items()
        if not entry.example and not isinstance(entry.value, dict)
    }


def _renamed(value: Json, before: str, after: str) -> Json:
    """Replace a stack's name by another one wherever it is a whole word in a value.

    >>> _renamed(["dev-cluster", "devices"], "dev", "staging")
    ['staging-cluster', 'devices']
    """
    if isinstance(value, list):
        return [_renamed(item, before, after) for item in value]
    return re.sub(rf"(?<![a-z0-9]){re.escape(before)}(?![a-z0-9])", after, value) if isinstance(value, str) else value
