"""One rule with its configuration. Anything that goes wrong while it judges is a violation."""

from __future__ import annotations

import datetime as dt
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from policies.rulebook import configuration, waivers
from policies.rulebook.resource import Json, Resource, Stack, Unjudgeable
from policies.rulebook.rule import Finding, Judgement, Rule
from policies.rulebook.violation import Violation


class Judge:
    """A rule and its configuration, waivers included. An advisory rule stops nothing."""

    def __init__(self, rule: Rule, config: Mapping[str, Json], *, advisory: bool = False) -> None:
        self.rule = rule
        self._advisory = advisory
        self._waivers, problems = waivers.parse(config.get("waivers", []))
        own = {key: value for key, value in config.items() if key != "waivers"}
        self._problems = [*configuration.problems(own, rule.config), *problems]
        self._config = configuration.with_defaults(own, rule.config)

    def configuration(self) -> Iterator[Violation]:
        """Yield what is wrong with the configuration itself."""
        for problem in self._problems:
            yield self._violation(Finding(f"{problem}.", remedy=f"Correct the configuration of `{self.rule.id}`."))
        for waiver in self._waivers:
            if waiver.expired(_today()):
                yield self._violation(
                    Finding(
                        f"The waiver for `{waiver.resource}` (owner {waiver.owner}) expired on {waiver.expires}.",
                        remedy="Fix the resource and remove the waiver, or have its owner renew it.",
                    )
                )
            elif waiver.too_long(_today()):
                yield self._violation(
                    Finding(
                        f"The waiver for `{waiver.resource}` (owner {waiver.owner}) ends on {waiver.expires}, more "
                        f"than {waivers.LONGEST.days} days ahead, so it covers nothing.",
                        remedy="Set an earlier date; the waiver's owner can renew it later.",
                    )
                )

    def violations(self, subject: Resource | Stack, about: Judgement) -> Iterator[Violation]:
        """Yield the violations of a resource, or of a whole stack for a stack rule; waived ones are left out.

        `about` holds everything that rules may know except their configuration.
        """
        judgement = Judgement(about.project, about.stack, self._config, about.preview, about.settings, about.secrets)
        urn = subject.urn if isinstance(subject, Resource) else ""
        if isinstance(subject, Stack) and self.rule.types:
            subject = subject.only(self.rule.types)
        in_force = [waiver for waiver in self._waivers if waiver.in_force(_today())]
        failure: Finding | None = None
        findings: list[Finding] = []
        try:
            for finding in self.rule.check(subject, judgement):
                findings.append(finding)
        except Unjudgeable as unjudgeable:
            failure = Finding(f"{unjudgeable}.", unjudgeable.urn or urn)
        except Exception as error:
            # Type and place only: an exception's text may quote a property's value.
            failure = Finding(
                f"The rule failed with {type(error).__name__} at {_place(error)}; what it can't judge doesn't pass.",
                urn,
            )
        for violation in map(self._violation, findings):
            naming = [waiver for waiver in in_force if waiver.names(violation.finding.urn or urn)]
            if not any(waiver.covers(violation.message) for waiver in naming):
                yield violation
        # A rule that failed left things unjudged. Only a waiver of the whole rule for the one resource covers those.
        if failure and not any(urn and waiver.finding == "*" and waiver.names(urn) for waiver in in_force):
            yield self._violation(failure)

    def _violation(self, finding: Finding) -> Violation:
        return Violation(self.rule, finding, self._advisory)


def _place(error: Exception) -> str:
    """Return the deepest line of the packs' own code in an error's traceback, as `FOLDER/FILE:LINE`."""
    frames = traceback.extract_tb(error.__traceback__)
    *_, deepest = (frame for frame in frames if not frame.filename.startswith((sys.prefix, sys.base_prefix, "<")))
    file = Path(deepest.filename)
    return f"{file.parent.name}/{file.name}:{deepest.lineno}"


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
