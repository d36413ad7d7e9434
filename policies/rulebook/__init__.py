"""The frame that every policy pack of this project is built on.

A pack is a table of `Rule`s. A rule is a pure function from a resource (or the whole stack) to findings;
`assemble` turns the table into the Pulumi policies that the engine runs, one policy per rule, so that
enforcement level, severity, remedy and source travel the engine's own way.

The frame, not the rule, takes care of what must never be forgotten:

- a value that is unknown at preview reaches a rule as `UNKNOWN`, never as a missing key or an exception;
- a rule that fails is a mandatory violation, not a crash and not a pass;
- waivers (resource, reason, owner, expiry) come from policy configuration; an expired one is a violation.
"""

from policies.rulebook.assembly import assemble, start
from policies.rulebook.resource import UNKNOWN, Json, Resource, SecretText, Unjudgeable, unknown_paths
from policies.rulebook.rule import Finding, Judgement, Rule, Scope, Severity
from policies.rulebook.unknowns import MAY_BE_UNKNOWN

__all__ = [
    "MAY_BE_UNKNOWN",
    "UNKNOWN",
    "Finding",
    "Json",
    "Judgement",
    "Resource",
    "Rule",
    "Scope",
    "SecretText",
    "Severity",
    "Unjudgeable",
    "assemble",
    "start",
    "unknown_paths",
]
