"""Who can read each secret and parameter is exactly whom the catalogue names, by all policies taken together.

A role counts as a reader if some request could be allowed: conditions count as met, a denial only without any. What a
role could do by assuming another one isn't seen; the rules about escalation judge that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from policies.least_privilege import patterns
from policies.least_privilege.access.holders import Holder, can, holders, may, names_action, widest
from policies.least_privilege.access.inclusion import Unit, effective, units
from policies.least_privilege.attached import PLACES
from policies.least_privilege.faults import short
from policies.least_privilege.roles import ATTACHMENTS, TYPES
from policies.rulebook import Finding, Json, Judgement, Resource, Rule, Scope, Severity

_COMMAND: Final = "python -m components.expected_readers"

_CONFIG: Final[dict[str, Any]] = {
    "readers": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "string"}},
        "description": "ARN (* and ? are wildcards) -> names of the roles that may read it, no more and no fewer",
        "default": {},
    }
}


@dataclass(frozen=True)
class _Store:
    """Where values are kept. `actions` read one, in lower case; `type` is the resource that makes one."""

    what: str
    service: str
    type: str
    policy_type: str
    actions: tuple[str, ...]
    by_path: str = ""
    """Reads everything below what it's allowed on."""

    def named(self, arn: str) -> str:
        """Return the name that an ARN stands for."""
        name = arn.split(":", 5)[-1].removeprefix("secret:").removeprefix("parameter")
        return name.removesuffix("-??????")


SECRETS: Final = _Store(
    "secret",
    "secretsmanager",
    "aws:secretsmanager/secret:Secret",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    ("secretsmanager:getsecretvalue",),
)
PARAMETERS: Final = _Store(
    "parameter",
    "ssm",
    "aws:ssm/parameter:Parameter",
    "",
    ("ssm:getparameter", "ssm:getparameters", "ssm:getparameterhistory"),
    "ssm:getparametersbypath",
)


def _check(store: _Store, resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    expected, problems = _expected(judgement.config["readers"])
    for problem in problems:
        yield Finding(f"The expected readers can't be used: {problem}.")
    made = [resource for resource in resources if resource.type == store.type]
    found = [holder for holder in holders(resources).values() if holder.kind in ("role", "user", "policy", "resource")]
    urns = {str(resource.get("name")): resource.urn for resource in resources if resource.type == "aws:iam/role:Role"}
    reading = [holder for holder in found if holder.kind != "resource"]
    if not expected:
        # A stack that keeps none has nothing to compare; what it reads of others is for the other rules.
        for resource in made:
            yield Finding(f"There is no list of who may read this {store.what}. Write it: `{_COMMAND}`.", resource.urn)
        return
    yield from _unlisted(store, made, expected)
    declared: dict[str, list[str]] = {}
    for arn, names in expected.items():
        for name in names:
            declared.setdefault(name, []).append(arn)
    for holder in reading:
        urn = urns.get(holder.name, "")
        for why in dict.fromkeys(
            (*holder.unclear, *(f"a policy of somebody else, `{arn}`" for arn in holder.elsewhere))
        ):
            yield Finding(f"What `{holder.name}` may read can't be told: it has {short(why)}.", urn)
        for arn in _about(store, holder, expected, declared.get(holder.name, ())):
            if holder.name in expected[arn]:
                if not any(can(holder, action, arn) for action in store.actions):
                    yield Finding(
                        f"`{holder.name}` can't read the {store.what} `{store.named(arn)}`, which it's declared to.",
                        urn,
                    )
            elif _reads(store, holder, arn):
                yield Finding(
                    f"`{holder.name}` may read the {store.what} `{store.named(arn)}`, which isn't declared.", urn
                )
        for pattern in _beyond(store, holder, expected):
            yield Finding(f"`{holder.name}` may read `{short(pattern)}`: no {store.what} of the list.", urn)
    there = {holder.name for holder in reading}
    for arn, names in expected.items():
        for name in sorted(names - there):
            yield Finding(f"`{name}` can't read the {store.what} `{store.named(arn)}`: there is no such role.")
    yield from _by_policies_of_resources(store, resources, expected)


def _expected(given: Json) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Return the expected readers by ARN, and what is wrong with the configuration."""
    expected, problems = {}, []
    for arn, names in given.items() if isinstance(given, Mapping) else ():
        if (
            len(str(arn).split(":", 5)) == 6
            and isinstance(names, list)
            and all(isinstance(name, str) for name in names)
        ):
            expected[str(arn)] = frozenset(str(name) for name in names)
        else:
            problems.append(f"`{short(str(arn))}` must be an ARN with a list of role names")
    return expected, problems


def _unlisted(store: _Store, made: Iterable[Resource], expected: Mapping[str, frozenset[str]]) -> Iterator[Finding]:
    listed = {store.named(arn) for arn in expected}
    for resource in made:
        name = resource.get("name")
        if not isinstance(name, str):
            yield Finding(
                f"The {store.what}'s name isn't known at preview, so its readers can't be compared.", resource.urn
            )
        elif (name if name.startswith("/") or store is SECRETS else f"/{name}") not in listed:
            yield Finding(
                f"The {store.what} `{short(name)}` isn't on the list. Write it anew: `{_COMMAND}`.", resource.urn
            )


def _about(
    store: _Store, holder: Holder, expected: Mapping[str, frozenset[str]], declared: Iterable[str]
) -> Iterable[str]:
    """Return what has to be looked at for a holder: what is declared, and what its policies may reach."""
    found = dict.fromkeys(declared)
    for resource in _read_resources(store, holder):
        if resource in expected:
            found[resource] = None
        else:
            return expected
    return found


def _reads(store: _Store, holder: Holder, arn: str) -> bool:
    if any(may(holder, action, arn) for action in store.actions):
        return True
    if not store.by_path:
        return False
    # Who may list a path reads all parameters below it.
    parts = arn.split("/")
    above = ["/".join(parts[:size]) for size in range(1, len(parts) + 1)]
    return any(may(holder, store.by_path, path) or may(holder, store.by_path, f"{path}/") for path in above)


def _read_resources(store: _Store, holder: Holder) -> Iterator[str]:
    """Yield the resource patterns on which some reading action is allowed."""
    actions = (*store.actions, *([store.by_path] if store.by_path else []))
    for allow in holder.allows:
        if not any(names_action(allow, action) for action in actions):
            continue
        for unit, mask in units(allow):
            reading = _reading(unit, actions, store.service)
            for part in effective(holder, allow, unit, mask & reading) if mask & reading else ():
                yield next(item for item in reversed(part[1]) if isinstance(item, str))


def _reading(unit: Unit, actions: Iterable[str], service: str) -> int:
    if unit.service is None or unit.service.prefix != service:
        return 0
    mask = 0
    for action in actions:
        mask |= unit.service.mask(action.partition(":")[2])
    return mask


def _beyond(store: _Store, holder: Holder, expected: Mapping[str, frozenset[str]]) -> list[str]:
    """Return what a holder may read that is on no list at all. A path counts as what lies below it."""
    return [
        resource
        for resource in dict.fromkeys(_read_resources(store, holder))
        if resource not in expected
        and not any(
            patterns.intersects(widest(resource), arn) or patterns.intersects(widest(resource).rstrip("/") + "/*", arn)
            for arn in expected
        )
    ]


def _by_policies_of_resources(
    store: _Store, resources: Iterable[Resource], expected: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    of_store = [one for one in resources if one.type in (store.type, store.policy_type) and one.type in PLACES]
    for resource in of_store:
        name = resource.get("name")
        arn = resource.get("secretArn")
        about = [
            names
            for pattern, names in expected.items()
            if (not isinstance(name, str) or store.named(pattern) == name)
            and (
                not isinstance(arn, str)
                or patterns.intersects(pattern, arn)
                or patterns.includes(pattern, arn + "-??????")
            )
        ]
        for holder in holders([resource]).values():
            if holder.kind != "resource" or not any(may(holder, action, "*") for action in store.actions):
                continue
            who = holder.name.partition(" (by ")[0]
            # Where the secret isn't known at preview, whoever is let in must be a reader of each.
            if not about or not all(who.rpartition("/")[2] in names for names in about):
                yield Finding(
                    f"`{short(who)}` is let in by the {store.what}'s own policy, which isn't declared.", resource.urn
                )


_WHERE: Final = frozenset((*TYPES, *ATTACHMENTS, *PLACES))

RULES: Final = tuple(
    Rule(
        id=f"{store.what}-readers",
        title=f"Who can read a {store.what} is exactly whom the catalogue names.",
        remedy=f"Narrow the policy, or declare the reader in the catalogue and write the list anew: `{_COMMAND}`.",
        source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        severity=Severity.HIGH,
        check=partial(_check, store),
        scope=Scope.STACK,
        types=_WHERE | {store.type},
        config=_CONFIG,
    )
    for store in (SECRETS, PARAMETERS)
)
