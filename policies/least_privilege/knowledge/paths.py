"""Privilege escalation paths as lists of the actions that each requires: those that the pack names, and other lists.

A path is a line of text: `pass-to-task: iam:PassRole ecs:RunTask`. The name before the actions may be left out, an
action may hold wildcards, and what follows a `#` is a comment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from policies.least_privilege import knowledge
from policies.least_privilege.knowledge import escalations, sensitive


class InvalidPath(Exception):
    """A line that isn't a path; the text names the line, the problem and what is accepted."""


class EscalationPath(NamedTuple):
    """The actions, each written `service:Action`, that together allow privilege escalation."""

    name: str
    """Empty if its author gave it none."""
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((f"{self.name}:", *self.actions) if self.name else self.actions)


def named_paths() -> Iterator[EscalationPath]:
    """Yield the paths that the rules on privilege escalation name."""
    for method in escalations.escalations():
        yield EscalationPath(method.id, (*method.unbounded, *method.granted))
    for service, pair in escalations.ON_ONE_RESOURCE.items():
        for use in pair.uses:
            for write in pair.writes:
                yield EscalationPath(f"one-{service}-resource", (write, use))
    for prefix, actions in sensitive.categories()["grants"].items():
        for action in actions:
            yield EscalationPath("writes-permissions", (f"{prefix}:{action}",))


def read_paths(text: str) -> list[EscalationPath]:
    """Return the paths of a text, in its order.

    Raises:
        InvalidPath: a line isn't a path.
    """
    return [
        _read(number, words)
        for number, line in enumerate(text.splitlines(), start=1)
        if (words := line.partition("#")[0].replace(",", " ").split())
    ]


def _read(number: int, words: list[str]) -> EscalationPath:
    name = words.pop(0).rstrip(":") if words[0].endswith(":") else ""
    wrong = next((word for word in words if not all(word.partition(":"))), None)
    if wrong is not None or not words:
        problem = f"`{wrong[:80]}` isn't an action" if wrong is not None else "it has no action"
        raise InvalidPath(f"line {number}: {problem}; accepted: `NAME: service:Action ...`, where NAME may be left out")
    return EscalationPath(name, tuple(words))


def is_named(path: EscalationPath) -> bool:
    """Tell whether the actions of a path include all those of one that the pack names."""
    granted = _masks(path)
    return any(
        all(any(service is other and mask & given for other, given in granted) for service, mask in _masks(named))
        for named in named_paths()
    )


def _masks(path: EscalationPath) -> list[tuple[knowledge.Service | None, int]]:
    return [knowledge.lookup(action.lower()) for action in path.actions]
