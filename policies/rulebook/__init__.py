"""The framework that every policy pack of this project is built on.

A pack is a list of `Rule`s. A rule is a pure function from a resource (or the whole stack) to findings. `start`
serves a pack to the engine with one policy per rule, so that enforcement level, severity, remedy and source are the
engine's own; `serve` does so for several packs in one process.

The framework takes care of what no rule may forget:

- a value that is unknown at preview reaches a rule as `UNKNOWN`, never as a missing key or an exception;
- a rule that fails is a mandatory violation, not a crash and not a pass;
- waivers (resource, reason, owner, expiry) come from policy configuration; an expired one is a violation.
"""

from policies.rulebook.configuration import BadConfiguration
from policies.rulebook.pack import Pack, serve, start
from policies.rulebook.resource import ASSET, UNKNOWN, Json, Part, Properties, Resource, SecretText, Stack, Unjudgeable
from policies.rulebook.rule import Finding, Judgement, Rule, Rules, Schemas, Scope, Severity
from policies.rulebook.unknowns import MAY_BE_UNKNOWN

__all__ = [
    "ASSET",
    "MAY_BE_UNKNOWN",
    "UNKNOWN",
    "BadConfiguration",
    "Finding",
    "Json",
    "Judgement",
    "Pack",
    "Part",
    "Properties",
    "Resource",
    "Rule",
    "Rules",
    "Schemas",
    "Scope",
    "SecretText",
    "Severity",
    "Stack",
    "Unjudgeable",
    "serve",
    "start",
]
