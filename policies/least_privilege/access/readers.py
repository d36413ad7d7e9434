"""Who can read each secret and parameter, compared with the list of those who should.

A role counts as a reader if some request could be allowed: conditions count as met, and a denial counts only if it has
none. What a role could do by assuming another one isn't seen; the rules about escalation judge that.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias

from policies.least_privilege.access.holders import Holder, holders
from policies.least_privilege.access.inclusion import Unit, effective, units
from policies.least_privilege.access.requests import can, may, names_action, widen
from policies.least_privilege.faults.wording import shorten
from policies.least_privilege.language import patterns
from policies.least_privilege.meaning.resources import region_partition
from policies.least_privilege.stack.attached import PLACES
from policies.rulebook import Finding, Judgement, Resource

COMMAND: Final = "python -m generators.expected_readers"
"""The command that writes the list."""

_NAME: Final = re.compile(r"[\w/+=.@-]+", re.ASCII)
"""https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html,
https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html"""

Expected: TypeAlias = Mapping[str, frozenset[str]]
"""ARN (* and ? are wildcards) -> names of the roles that may read it."""


@dataclass(frozen=True)
class Store:
    """A service that stores values."""

    noun: str
    service: str
    type: str
    """Type of the resource that creates a value."""
    policy_type: str
    """Type of the resource that holds its policy; empty if there is none."""
    actions: tuple[str, ...]
    """Actions, in lower case, that read a value."""
    by_path: str = ""
    """Action that reads all values below the path on which it's allowed."""
    paths: bool = False
    """Names are paths, which begin with a slash in ARNs."""

    def arn(self, name: str, account: str, region: str) -> str:
        """Return the pattern of the ARN that a name stands for in an account and region."""
        resource = f"parameter/{name.removeprefix('/')}" if self.paths else f"secret:{name}-??????"
        return f"arn:{region_partition(region)}:{self.service}:{region}:{account}:{resource}"

    def name(self, arn: str) -> str:
        """Return the name that an ARN stands for."""
        name = arn.split(":", 5)[-1].removeprefix("secret:").removeprefix("parameter")
        return name.removesuffix("-??????")


SECRETS: Final = Store(
    "secret",
    "secretsmanager",
    "aws:secretsmanager/secret:Secret",
    "aws:secretsmanager/secretPolicy:SecretPolicy",
    ("secretsmanager:getsecretvalue",),
)
PARAMETERS: Final = Store(
    "parameter",
    "ssm",
    "aws:ssm/parameter:Parameter",
    "",
    ("ssm:getparameter", "ssm:getparameters", "ssm:getparameterhistory"),
    "ssm:getparametersbypath",
    paths=True,
)


@dataclass(frozen=True)
class Reading:
    """Who can read a secret or parameter. `made` tells whether the stack creates it, or only lets somebody read it."""

    name: str
    made: bool
    readers: tuple[str, ...]


def readings(store: Store, resources: Sequence[Resource], found: Iterable[Holder]) -> list[Reading]:
    """Return who can read each value that a stack creates or names, by the value's name.

    A value counts in each account and region that some policy names: which of them is the stack's own needn't be known.
    """
    found = [holder for holder in found if holder.kind not in ("trust", "denials")]
    made = {name for one in resources if one.type == store.type and isinstance(name := one.get("name"), str)}
    patterns_ = {pattern for holder in found for pattern in _readable_patterns(store, holder)}
    named = {store.name(pattern) for pattern in patterns_}
    places = {tuple(pattern.split(":", 5)[3:5]) for pattern in patterns_ if pattern.count(":") > 4}
    # No policy names the last place, so it has only those readers who can read in every place.
    places = {place for place in places if not patterns.wild("".join(place))} | {("-", "-")}
    return [
        Reading(
            name,
            name in made,
            tuple(
                holder.principal or holder.name
                for holder in found
                if (holder.kind != "resource" or store.name(holder.place) == name)
                and any(_reads(store, holder, store.arn(name, account, region)) for region, account in places)
            ),
        )
        for name in sorted(made | {name for name in named if not patterns.wild(name)})
    ]


def compare_readers(store: Store, resources: Sequence[Resource], judgement: Judgement) -> Iterator[Finding]:
    """Yield each difference between who can read what and the readers in the rule's configuration.

    The list may be ahead of the program, so that owners can agree to it before the change that needs it: an entry that
    the stack doesn't create and nobody can read is no difference.
    """
    expected, problems = _read_expected(store, judgement)
    for problem in problems:
        yield Finding(f"The expected readers can't be used: {problem}.")
    made = [resource for resource in resources if resource.type == store.type]
    listed = frozenset(map(store.name, expected))
    if all(isinstance(one.get("name"), str) and not _is_listed(store, one, listed) for one in made):
        # A stack that has no list and creates nothing has nothing to compare. Other rules judge what else it reads.
        if made and not problems:
            yield _wrong_list_finding(store, made, expected, judgement.stack)
        if made or not expected:
            return
    yield from _unlisted_findings(store, made, listed)
    urns = {str(resource.get("name")): resource.urn for resource in resources if resource.type == "aws:iam/role:Role"}
    reading = [holder for holder in holders(resources).values() if holder.kind in ("role", "user", "policy")]
    own = {name for resource in made if isinstance(name := resource.get("name"), str)}
    # The reader of an ARN on the list is mostly a holder whose policy has just that ARN, so those are tried first.
    readable = [list(dict.fromkeys(_readable_patterns(store, holder))) for holder in reading]
    naming: dict[str, list[Holder]] = {}
    for holder, named in zip(reading, readable, strict=True):
        for pattern in named:
            naming.setdefault(pattern, []).append(holder)
    used = [
        arn
        for arn in expected
        if store.name(arn) in own or any(_reads(store, holder, arn) for holder in chain(naming.get(arn, ()), reading))
    ]
    for holder, named in zip(reading, readable, strict=True):
        for message in _holder_differences(store, holder, named, expected, used):
            yield Finding(message, urns.get(holder.name, ""))
    existing = {holder.name for holder in reading}
    for arn in used:
        for name in sorted(expected[arn] - existing):
            yield Finding(f"`{name}` can't read the {store.noun} `{store.name(arn)}`: there is no such role.")
    yield from _resource_policy_findings(store, resources, expected)


def _read_expected(store: Store, judgement: Judgement) -> tuple[Expected, list[str]]:
    """Return the expected readers, and what is wrong with the configuration.

    A name stands for the value of that name in the stack's own account and region: elsewhere it may be somebody else's.
    """
    given, account, region = judgement.config["readers"], judgement.account, judgement.region
    expected, problems = {}, []
    if not (account and region) and any(_NAME.fullmatch(str(name)) for name in given):
        problems.append(
            f"they name {store.noun}s of the stack's own account and region, and the stack's configuration doesn't say "
            "which: `aws:allowedAccountIds` must be one account, and `aws:region` a region"
        )
    # Sorted, because the engine doesn't keep the order of a mapping.
    for what, names in sorted(given.items()):
        named = bool(_NAME.fullmatch(what))
        if not (named or len(what.split(":", 5)) == 6) or not isinstance(names, list):
            problems.append(f"`{shorten(what)}` must be a name or an ARN with a list of role names")
        elif not all(isinstance(name, str) for name in names):
            problems.append(f"`{shorten(what)}` must have a list of role names")
        elif not named or (account and region):
            expected[store.arn(what, account, region) if named else what] = frozenset(names)
    return expected, problems


def _wrong_list_finding(store: Store, made: Sequence[Resource], expected: Expected, stack: str) -> Finding:
    """Return the finding that the list has nothing that the stack creates."""
    problem = f"names others, such as `{store.name(min(expected))}`" if expected else "is missing, or has no such list"
    return Finding(
        f"`policies/config/least_privilege.{stack}.json`, which says who may read which {store.noun}, isn't for this "
        f"stack: the stack creates {len(made)}, and the file {problem}.",
        min(resource.urn for resource in made),  # engines give resources in different orders
        remedy=f"Write the file again: `{COMMAND}`.",
    )


def _is_listed(store: Store, resource: Resource, listed: Container[str]) -> bool:
    name = resource.get("name")
    if not isinstance(name, str):
        return False
    return (f"/{name}" if store.paths and not name.startswith("/") else name) in listed


def _unlisted_findings(store: Store, made: Iterable[Resource], listed: Container[str]) -> Iterator[Finding]:
    for resource in made:
        name = resource.get("name")
        if not isinstance(name, str):
            yield Finding(
                f"The {store.noun}'s name isn't known at preview, so its readers can't be compared.", resource.urn
            )
        elif not _is_listed(store, resource, listed):
            yield Finding(
                f"The {store.noun} `{shorten(name)}` isn't on the list. Write the list again: `{COMMAND}`.",
                resource.urn,
            )


def _holder_differences(
    store: Store, holder: Holder, readable: Sequence[str], expected: Expected, used: Container[str]
) -> Iterator[str]:
    """Yield the differences between a holder and the list.

    `readable` is what its policies name. An entry of the list that it can't read counts only if it's `used`.
    """
    unread = (*holder.unclear, *(f"`{arn}`, a policy that isn't part of this stack" for arn in holder.elsewhere))
    for policy in dict.fromkeys(unread):
        yield f"It can't be decided which {store.noun}s `{holder.name}` can read: it has {shorten(policy)}."
    declared = [arn for arn, names in expected.items() if holder.name in names]
    # Mostly a policy names exactly ARNs of the list. If it doesn't, every ARN of the list may be readable.
    within = all(resource in expected for resource in readable)
    for arn in dict.fromkeys([*declared, *readable]) if within else expected:
        if holder.name in expected[arn]:
            if arn in used and not any(can(holder, action, arn) for action in store.actions):
                yield f"`{holder.name}` can't read the {store.noun} `{store.name(arn)}`, though it's a declared reader."
        elif _reads(store, holder, arn):
            yield f"`{holder.name}` can read the {store.noun} `{store.name(arn)}`, though it isn't a declared reader."
    for resource in readable:
        if resource not in expected and not any(_reaches(resource, arn) for arn in expected):
            yield f"`{holder.name}` can read `{shorten(resource)}`, which isn't a {store.noun} on the list."


def _reaches(resource: str, arn: str) -> bool:
    """Tell whether a pattern matches an ARN of the list, or is a path above one."""
    wide = widen(resource)
    return patterns.intersects(wide, arn) or patterns.intersects(wide.rstrip("/") + "/*", arn)


def _reads(store: Store, holder: Holder, arn: str) -> bool:
    if any(may(holder, action, arn) for action in store.actions):
        return True
    if not store.by_path:
        return False
    # A principal that can list a path can read all parameters below it.
    parts = arn.split("/")
    above = ["/".join(parts[:size]) for size in range(1, len(parts) + 1)]
    return any(may(holder, store.by_path, path) or may(holder, store.by_path, f"{path}/") for path in above)


def _readable_patterns(store: Store, holder: Holder) -> Iterator[str]:
    """Yield the resource patterns on which some reading action is allowed."""
    actions = (*store.actions, *([store.by_path] if store.by_path else []))
    for allow in holder.allows:
        if not any(names_action(allow, action) for action in actions):
            continue
        for unit, mask in units(allow):
            reading = mask & _reading_actions(unit, actions, store.service)
            for part in effective(holder, allow, unit, reading) if reading else ():
                yield next(item for item in reversed(part[1]) if isinstance(item, str))


def _reading_actions(unit: Unit, actions: Iterable[str], service: str) -> int:
    if unit.service is None or unit.service.prefix != service:
        return 0
    mask = 0
    for action in actions:
        mask |= unit.service.mask(action.partition(":")[2])
    return mask


def _resource_policy_findings(store: Store, resources: Iterable[Resource], expected: Expected) -> Iterator[Finding]:
    for resource in resources:
        if resource.type not in (store.type, store.policy_type) or resource.type not in PLACES:
            continue
        readers = _expected_readers(store, resource, expected)
        for holder in holders([resource]).values():
            if holder.kind != "resource" or not any(may(holder, action, "*") for action in store.actions):
                continue
            who = holder.principal or holder.name
            # If the secret isn't known at preview, those who are let in must be readers of every secret.
            if not readers or not all(who.rpartition("/")[2] in names for names in readers):
                yield Finding(
                    f"The {store.noun}'s own policy lets in `{shorten(who)}`, which isn't a declared reader.",
                    resource.urn,
                )


def _expected_readers(store: Store, resource: Resource, expected: Expected) -> list[frozenset[str]]:
    """Return the expected readers of each ARN that may be the resource's."""
    name, arn = resource.get("name"), resource.get("secretArn")
    return [
        names
        for pattern, names in expected.items()
        if (not isinstance(name, str) or store.name(pattern) == name)
        and (
            not isinstance(arn, str) or patterns.intersects(pattern, arn) or patterns.includes(pattern, arn + "-??????")
        )
    ]
