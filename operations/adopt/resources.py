"""The data of an adoption: Terraform's resources, the program's, how they match, and the verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from stackfiles.json_type import Json

Values = Mapping[str, tuple[str, ...]]
"""Attribute or input -> its values as text; a list can have several, anything else has one."""

_ARN_PARTS: Final = 6
"""The number of parts in `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)."""


def identifier(form: str, attributes: Values) -> str:
    """Return the id that a form such as `{role}:{name}` makes of attributes; "" if one of them is missing.

    Several values of one attribute are joined by `_`, as in Terraform's ids.

    >>> identifier("{group}_{source}", {"group": ("sg-1",), "source": ("10.0.0.0/8", "192.0.2.0/24")})
    'sg-1_10.0.0.0/8_192.0.2.0/24'
    """
    try:
        return form.format_map({name: "_".join(found) for name, found in attributes.items()})
    except KeyError:
        return ""  # for example, of a resource whose creation failed


def arn_place(attributes: Values) -> tuple[str, str]:
    """Return the region and the account in the `arn` among some attributes; each is empty if the ARN doesn't say."""
    parts = attributes.get("arn", ("",))[0].split(":", _ARN_PARTS - 1)
    return (parts[3], parts[4]) if len(parts) == _ARN_PARTS else ("", "")


@dataclass(frozen=True)
class TerraformResource:
    """One instance of a resource in Terraform's state, with only the attributes that identify it.

    `address` is Terraform's, with module and index, such as `module.edge["a"].aws_lb.this[0]`. `provider` is written
    as in the state, and `dependencies` are the addresses, without index, of the resources that its code refers to.
    """

    address: str
    module: str
    type: str
    name: str
    index: str | int | None = None
    provider: str = ""
    attributes: Values = field(default_factory=dict)
    dependencies: tuple[str, ...] = ()

    @property
    def whole_address(self) -> str:
        """The address without the index; a `removed` block accepts no index."""
        return ".".join(part for part in (self.module, self.type, self.name) if part)


@dataclass(frozen=True)
class TerraformState:
    """A state: `lineage` identifies it, `serial` counts its changes. Data sources are left out."""

    lineage: str
    serial: int
    terraform_version: str
    resources: Sequence[TerraformResource]


@dataclass(frozen=True)
class PlannedResource:
    """One resource that the program plans; secrets in `inputs` are `[secret]`, values not known yet are `UNKNOWN`.

    `references` maps an input to the URNs of the resources whose outputs it contains.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Json]
    component: bool = False
    parent: str = ""
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Source(StrEnum):
    """Where an import id comes from."""

    STATE = "Terraform's state"
    LOOKUP = "looked up"
    MAP = "the map"


@dataclass(frozen=True)
class Match:
    """A planned resource, and the running one that matches it, if there is one.

    `import_id` is the id for the provider's import, empty if nothing is imported. `rivals` are the ids or addresses
    that fit equally, or the other planned resources that want the same running one; with any, the match is undecided.
    `taken` is the id of a running resource that has the name but isn't taken over. A `missing` resource is in
    Terraform's state but not in the account.
    """

    planned: PlannedResource
    terraform: TerraformResource | None = None
    import_id: str = ""
    found: Source | None = None
    rivals: tuple[str, ...] = ()
    taken: str = ""
    missing: bool = False


class Verdict(StrEnum):
    """What taking over a resource, and the first `up` after that, would do to it."""

    SAME = "same"
    STATE_ONLY = "state only"
    """Only options in the engine's state differ, such as a recovery window; AWS isn't called."""
    TAGS = "tags only"
    IN_PLACE = "changes in place"
    OVERWRITES = "overwrites"
    """Changes a resource that Terraform doesn't manage. It was looked up, so that the change shows."""
    REPLACED = "replaced"
    COLLIDES = "collides"
    """Would be created under a name that is taken."""
    CREATED = "created"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    """It is in Terraform's state, but not in the account."""
    FORGOTTEN = "forgotten by Terraform"
    """Terraform's own bookkeeping, or part of a resource that is taken over: Terraform forgets it, and the program has
    no resource for it."""
    STAYS = "stays with Terraform"
    STAYS_AND_REFERS = "stays, but refers to what leaves"

    @property
    def stops(self) -> bool:
        """Whether a resource with this verdict blocks the adoption."""
        return self in _STOPS


_STOPS = frozenset({Verdict.REPLACED, Verdict.COLLIDES, Verdict.AMBIGUOUS, Verdict.MISSING})


class Told(StrEnum):
    """What a report shows of a property that would change."""

    VALUES = "values"
    SECRET = "secret"
    """Only that it is a secret: its value isn't shown, and may be the same."""
    FILLED_IN = "filled in"
    """Only that the provider fills in a default or an output of its own: no input differs."""


@dataclass(frozen=True)
class PropertyChange:
    """One property that would change: its path, and its value before and after as short text if they are shown."""

    path: str
    before: str = ""
    after: str = ""
    told: Told = Told.VALUES


@dataclass(frozen=True)
class ReportRow:
    """The verdict on one resource.

    `resource` is its URN, or the address of a resource that only Terraform has. For a verdict that blocks, `cause` says
    why and `ways_out` says what can be done, one line of plain text each.
    """

    resource: str
    verdict: Verdict
    import_id: str = ""
    address: str = ""
    changes: tuple[PropertyChange, ...] = ()
    cause: str = ""
    ways_out: tuple[str, ...] = ()
