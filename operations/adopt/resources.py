"""What an adoption is about: Terraform's resources, the program's, how they match, and the verdict on each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from stackfiles.json_type import Json

Values = Mapping[str, tuple[str, ...]]
"""Attribute or input -> its values as text; a list has several, anything else one."""

_ARN_PARTS: Final = 6
"""Those of `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html)."""


def identifier(form: str, attributes: Values) -> str:
    """Return an id that a form such as `{role}:{name}` makes of attributes; "" where one of them isn't there.

    Several values of one attribute are joined as Terraform's ids have them.

    >>> identifier("{group}_{source}", {"group": ("sg-1",), "source": ("10.0.0.0/8", "192.0.2.0/24")})
    'sg-1_10.0.0.0/8_192.0.2.0/24'
    """
    try:
        return form.format_map({name: "_".join(found) for name, found in attributes.items()})
    except KeyError:
        return ""  # such as of a resource that was never finished


def arn_place(attributes: Values) -> tuple[str, str]:
    """Return the region and the account of the ARN among some attributes, each empty where it isn't told."""
    parts = attributes.get("arn", ("",))[0].split(":", _ARN_PARTS - 1)
    return (parts[3], parts[4]) if len(parts) == _ARN_PARTS else ("", "")


@dataclass(frozen=True)
class TerraformResource:
    """One instance of a resource in Terraform's state, with what identifies it and nothing else.

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
        """The address without the index, as a `removed` block takes it."""
        return ".".join(part for part in (self.module, self.type, self.name) if part)


@dataclass(frozen=True)
class TerraformState:
    """A state: `lineage` names it, `serial` counts its changes. Data sources are left out."""

    lineage: str
    serial: int
    terraform_version: str
    resources: Sequence[TerraformResource]


@dataclass(frozen=True)
class PlannedResource:
    """One resource that the program plans; secrets in `inputs` are `[secret]`, what isn't known yet is `UNKNOWN`.

    `references` maps an input to the URNs whose outputs it is made of.
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
    """A planned resource, and the running one that it stands for, if there is one.

    `import_id` is what the provider's import takes; empty where nothing is imported. `rivals` are the ids or addresses
    that fit equally, or the other planned resources that the only one fits: with any, nothing is decided. `taken` is
    the id of a running resource that has the name and isn't taken over. A `missing` one is in Terraform's state only.
    """

    planned: PlannedResource
    terraform: TerraformResource | None = None
    import_id: str = ""
    found: Source | None = None
    rivals: tuple[str, ...] = ()
    taken: str = ""
    missing: bool = False


class Verdict(StrEnum):
    """What taking over, and the first `up` after it, mean for a resource."""

    SAME = "same"
    STATE_ONLY = "state only"
    """Options that only the engine's state has, such as a recovery window: AWS isn't asked for anything."""
    TAGS = "tags only"
    IN_PLACE = "changes in place"
    OVERWRITES = "overwrites"
    """Changes what neither Terraform nor the program made: what is there was looked up, so that it shows."""
    REPLACED = "replaced"
    COLLIDES = "collides"
    """Made anew under a name that is taken."""
    CREATED = "created"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    """Terraform's state or the map has it, the account doesn't."""
    FORGOTTEN = "forgotten by Terraform"
    """Of Terraform's own bookkeeping, or part of what is taken over: Terraform forgets it, nobody takes it."""
    STAYS = "stays with Terraform"
    STAYS_AND_REFERS = "stays, but refers to what leaves"

    @property
    def stops(self) -> bool:
        """Tell whether nothing is taken over while a resource has it."""
        return self in _STOPS


_STOPS = frozenset({Verdict.REPLACED, Verdict.COLLIDES, Verdict.AMBIGUOUS, Verdict.MISSING})


class Told(StrEnum):
    """What a report tells of a property that would change."""

    VALUES = "values"
    SECRET = "secret"
    """That it is a secret, whose value nobody is shown and which may be the same."""
    FILLED_IN = "filled in"
    """That no input differs, and the provider fills in a default or an output of its own."""


@dataclass(frozen=True)
class PropertyChange:
    """One property that would change: its path, and its value before and after as short text, where they are told."""

    path: str
    before: str = ""
    after: str = ""
    told: Told = Told.VALUES


@dataclass(frozen=True)
class ReportRow:
    """The verdict on one resource.

    `resource` is its URN, or the address of what only Terraform has. Of a stop, `cause` says why and `ways_out` what
    can be done, each in one line of plain text.
    """

    resource: str
    verdict: Verdict
    import_id: str = ""
    address: str = ""
    changes: tuple[PropertyChange, ...] = ()
    cause: str = ""
    ways_out: tuple[str, ...] = ()
