"""A pack for the tests of the frame: a sound rule, and rules that fail in every way a rule can."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from policies.rulebook import Finding, Judgement, Resource, Rule, Scope, Severity, start

SOURCE = "https://www.pulumi.com/docs/insights/policy/"


def forbidden_words(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Find the configured `forbidden` words in `words`."""
    for word in resource.items("words"):
        if word in judgement.config["forbidden"]:
            yield Finding(f"Holds `{word}`.")


def raises(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Find something, then fail with a message that quotes a property."""
    yield Finding("Found before the failure.")
    raise ValueError(resource.get("password"))


def asks(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Find something, then ask for a text."""
    yield Finding("Found before the question.")
    resource.text("name")


def careless(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Use any value as a condition."""
    if not resource.get("enabled"):
        yield Finding("Not enabled.")


def nothing(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Return no findings at all, not even an empty list."""
    return None  # type: ignore[return-value]


def raises_for_stack(resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    """Find something about the first resource, then ask the second for a text."""
    yield Finding("Found before the question.", resources[0].urn)
    resources[1].text("name")


def asked(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Report that the rule was asked."""
    yield Finding("Asked.")


def named(resource: Resource) -> list[str]:
    """Return the rules that the property `rules` names."""
    return resource.texts("rules")


def rule(id_: str, check: object, scope: Scope = Scope.RESOURCE, **more: object) -> Rule:
    """Return a rule that judges the type `test:index:ID`."""
    types = frozenset({f"test:index:{id_}"})
    return Rule(id_, f"Title of {id_}.", f"Mend {id_}.", SOURCE, Severity.LOW, check, scope, types, **more)  # type: ignore[arg-type]


WORDS = {"type": "array", "items": {"type": "string"}, "default": ["secret"]}

start(
    "frame",
    [
        rule("forbidden-words", forbidden_words, config={"forbidden": WORDS}),
        rule("raises", raises),
        rule("asks", asks),
        rule("careless", careless),
        rule("nothing", nothing),
        rule("raises-for-stack", raises_for_stack, Scope.STACK),
        *(
            replace(rule(id_, asked, found_by=named), types=frozenset({"test:index:sharing"}))
            for id_ in ("sharing-one", "sharing-two")
        ),
    ],
    "Rules that go wrong.",
)
