"""A pack whose rules go wrong, to show what the frame makes of it."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "policies"))

from rulebook import Finding, Judgement, Resource, Rule, Scope, Severity, start


def raises(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Find something, then fail with a message that quotes a property."""
    yield Finding("Found before the failure.")
    raise ValueError(resource.get("password"))


def raises_for_stack(resources: Iterable[Resource], judgement: Judgement) -> Iterator[Finding]:
    """Find something about the first resource, then fail."""
    yield Finding("Found before the failure.", next(iter(resources)).urn)
    raise RecursionError


def needs_text(resource: Resource, judgement: Judgement) -> Iterator[Finding]:
    """Find something, then ask for a text."""
    yield Finding("Found before the question.")
    resource.text("name")


def condition_on_unknown(resource: Resource, judgement: Judgement) -> Iterable[Finding]:
    """Take an unknown for a condition, as a careless rule would."""
    return [] if resource.get("enabled") else [Finding("Not enabled.")]


def not_findings(resource: Resource, judgement: Judgement) -> Iterable[Finding]:
    """Give back something that isn't a finding."""
    return None  # type: ignore[return-value]


SOURCE = "https://www.pulumi.com/docs/insights/policy/"
FAULTY = {"raises": raises, "needs-text": needs_text, "condition-on-unknown": condition_on_unknown}

start(
    "failing",
    [
        *(
            Rule(id, f"Rule {id}.", f"Mend {id}.", SOURCE, Severity.LOW, check, types=frozenset({"test:index:Thing"}))
            for id, check in FAULTY.items()
        ),
        Rule("not-findings", "Rule.", "Mend.", SOURCE, Severity.LOW, not_findings, types=frozenset({"test:index:Bad"})),
        Rule("raises-for-stack", "Rule.", "Mend.", SOURCE, Severity.LOW, raises_for_stack, Scope.STACK),
    ],
    "Rules that go wrong.",
)
