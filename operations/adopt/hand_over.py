"""`--hand-over`: writes files that make Terraform forget what was taken over, without destroying any of it.

Whole resources and modules are forgotten by `removed` blocks, which go through review and a plan like any change. A
single instance of a resource that otherwise stays needs `terraform state rm`, because `removed` takes no instance keys
(https://developer.hashicorp.com/terraform/language/block/removed).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from operations.adopt.closed_set import ClosedSet, close, configured
from operations.adopt.resources import TerraformResource, TerraformState, identifier
from stackfiles import text_file
from stackfiles.failures import BadConfiguration

REMOVED: Final = "removed.tf"
LOOKED_UP: Final = "looked-up.tf"
STATE_RM: Final = "state-rm.sh"
PAGE: Final = "hand-over.md"
WAY_BACK: Final = "way-back.tf"
ADDRESSES: Final = "addresses.json"
"""Files of a hand-over, in the folder given by `--folder`."""

_REMOVED_SINCE: Final = (1, 7)
_LOOKED_UP_BY: Final[Mapping[str, str]] = {
    "aws_cloudfront_distribution": "id",
    "aws_cloudfront_response_headers_policy": "name",
    "aws_iam_openid_connect_provider": "arn",
    "aws_iam_policy": "arn",
    "aws_iam_role": "name",
    "aws_lb": "arn",
    "aws_lb_listener": "arn",
    "aws_lb_target_group": "arn",
    "aws_s3_bucket": "bucket",
    "aws_secretsmanager_secret": "name",
    "aws_security_group": "id",
    "aws_ssm_parameter": "name",
}
"""Terraform type -> the argument with which its data source finds a resource."""

_IMPORTED_BY: Final[Mapping[str, str]] = {
    "aws_iam_role_policies_exclusive": "{role_name}",
    "aws_iam_role_policy_attachments_exclusive": "{role_name}",
    "aws_secretsmanager_secret_policy": "{secret_arn}",
    "aws_secretsmanager_secret_version": "{secret_id}|{version_id}",
    "aws_security_group_rule": "{group}_{direction}_{protocol}_{from_port}_{to_port}_{source}",
}
"""Terraform type -> the id for `terraform import`, for types that the program has no resource of or that Pulumi imports
by another id (the Import section of each type's page,
https://registry.terraform.io/providers/hashicorp/aws/latest/docs)."""
_RULESET_OF_GENERATION_4: Final = "zone/{zone_id}/{id}"
"""As https://registry.terraform.io/providers/cloudflare/cloudflare/4.52.0/docs/resources/ruleset has it. Generation 5
takes `zones`, and has a `version` in its state."""


@dataclass(frozen=True)
class Reference:
    """A reference from code that stays to a resource that leaves: both addresses, without instance keys."""

    stays: str
    leaves: str


@dataclass(frozen=True)
class HandOver:
    """What has to be done in Terraform.

    `removed` has the addresses for `removed` blocks, `instances` those for `terraform state rm`, `addresses` all that
    Terraform forgets. `references` lists code that refers to them, `lookups` the data sources that replace them, by
    address without keys. `besides` are addresses that neither tool manages afterwards. `problems` say why the hand-over
    can't be done as it is. `ids` is for going back: address -> the id for `terraform import`, empty for what can't be
    imported.
    """

    removed: Sequence[str]
    instances: Sequence[str]
    references: Sequence[Reference]
    lookups: Mapping[str, str]
    besides: Sequence[str]
    problems: Sequence[str]
    addresses: Sequence[str]
    ids: Mapping[str, str]


def prepare(state: TerraformState, ids: Mapping[str, str]) -> HandOver:
    """Work out how Terraform forgets the resources that were taken over, and everything that leaves with them.

    Args:
        state: Terraform's state.
        ids: Address -> the id that the engine imported; empty for resources that are only forgotten along with others.
    """
    closed = close(state, ids.keys())
    leaving = {one.address for one in closed.leaving}
    removed, instances = _blocks(state, leaving)
    if _version(state) < _REMOVED_SINCE:
        removed, instances = [], [one.address for one in closed.leaving]
    references = list(_references(state, closed))
    referred = {reference.leaves for reference in references}
    return HandOver(
        removed,
        instances,
        references,
        {address: lookup for address in sorted(referred) if (lookup := _lookup(address, closed.leaving))},
        [one.address for one in closed.leaving if not ids.get(one.address)],
        closed.problems,
        sorted(leaving),
        {one.address: _import_id(one, ids.get(one.address, "")) for one in closed.leaving},
    )


def _import_id(resource: TerraformResource, taken: str) -> str:
    """Return the id for `terraform import`: usually the one taken over, without the region that Pulumi adds."""
    older = resource.type == "cloudflare_ruleset" and "version" not in resource.attributes
    form = _RULESET_OF_GENERATION_4 if older else _IMPORTED_BY.get(resource.type)
    return identifier(form, resource.attributes) if form else taken.partition("@")[0]


def _version(state: TerraformState) -> tuple[int, ...]:
    return tuple(int(part) for part in state.terraform_version.split("-")[0].split(".")[:2] if part.isdecimal())


def _blocks(state: TerraformState, leaving: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the modules and resources that leave as a whole (the outermost ones), and single instances that leave."""
    stays = {part for one in state.resources if one.address not in leaving for part in _lineage(one)}
    removed = dict[str, None]()
    instances = []
    for one in state.resources:
        if one.address in leaving:
            whole = next((part for part in _lineage(one) if part not in stays), "")
            if whole:
                removed[whole] = None
            else:
                instances.append(one.address)
    return list(removed), instances


def _lineage(resource: TerraformResource) -> Iterator[str]:
    """Yield the modules that contain a resource, the outermost first, and then its own address, all without keys."""
    parts = configured(resource.module).split(".")
    for end in range(2, len(parts) + 1, 2):
        yield ".".join(parts[:end])
    yield configured(resource.whole_address)


def _references(state: TerraformState, closed: ClosedSet) -> Iterator[Reference]:
    """Yield the references from resources that stay to resources that leave, once for all instances.

    A state also lists indirect dependencies. Those that another resource in the list depends on are left out.
    """
    of_leaving = {configured(one.whole_address): set(one.dependencies) for one in closed.leaving}
    leaving = {one.address for one in closed.leaving}
    found = dict[Reference, None]()
    for one in state.resources:
        if one.address in leaving:
            continue
        named = [address for address in one.dependencies if address in of_leaving]
        indirect = {other for address in named for other in of_leaving[address]}
        found |= {Reference(configured(one.whole_address), name): None for name in named if name not in indirect}
    return iter(found)


def _lookup(address: str, leaving: Iterable[TerraformResource]) -> str:
    """Return a data source that finds a resource that leaves; empty if its type has none."""
    instances = [one for one in leaving if configured(one.whole_address) == address]
    type_, by = instances[0].type, _LOOKED_UP_BY.get(instances[0].type, "")
    found = {one.index: one.attributes[by][0] for one in instances if by in one.attributes}
    if len(found) < len(instances):
        return ""
    name = _lookup_name(address)
    if None in found:
        return f'data "{type_}" "{name}" {{\n  {by} = {_literal(found[None])}\n}}\n'
    lines = "\n".join(f"    {_literal(f'{index}')} = {_literal(value)}" for index, value in found.items())
    return f'data "{type_}" "{name}" {{\n  for_each = {{\n{lines}\n  }}\n  {by} = each.value\n}}\n'


def _lookup_name(address: str) -> str:
    *modules, _, name = address.split(".")
    return "_".join([*modules[1::2], name])


def _data_reference(address: str) -> str:
    """Return the reference to a data source that replaces the one to the resource."""
    return f"data.{address.split('.')[-2]}.{_lookup_name(address)}"


def _literal(value: str) -> str:
    """Return a text as a string literal of Terraform."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def files(done: HandOver) -> dict[str, str]:
    """Return file name -> text of a hand-over."""
    blocks = (f"removed {{\n  from = {one}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}\n" for one in done.removed)
    commands = (f"terraform state rm {shlex.quote(address)}\n" for address in done.instances)
    written = {
        REMOVED: "\n".join(blocks),
        LOOKED_UP: "\n".join(done.lookups.values()),
        STATE_RM: "set -eu\n" + "".join(commands) if done.instances else "",
        WAY_BACK: "\n".join(
            f"import {{\n  to = {address}\n  id = {_literal(id_)}\n}}\n" if id_ else f"# {address} can't be imported.\n"
            for address, id_ in done.ids.items()
        ),
        ADDRESSES: json.dumps(done.addresses, indent=1) + "\n",
        PAGE: page(done),
    }
    return {name: text for name, text in written.items() if text}


def page(done: HandOver) -> str:
    """Return the steps to do in Terraform's code, as Markdown."""
    code = [f"- `{_code(address)}`" for address in done.removed]
    code += [f"- the instance `{address}`, in the `for_each` or `count` that creates it" for address in done.instances]
    rows = [
        f"| `{one.stays}` | `{one.leaves}` | "
        + (
            f"`{_data_reference(one.leaves)}` of {LOOKED_UP}"
            if one.leaves in done.lookups
            else "its id or ARN, written out"
        )
        + " |"
        for one in done.references
    ]
    parts = [
        "# Terraform forgets what was taken over\n",
        f"1. Copy {REMOVED} and {LOOKED_UP}, if they exist, to the folder of Terraform's root module.\n",
        "2. Delete from Terraform's code:\n",
        "\n".join(code) + "\n",
        "3. Replace the references to it. `terraform validate` names every reference that is left, including those "
        "in outputs and data sources.\n",
        "\n".join(["| stays | refers to | write instead |", "| --- | --- | --- |", *rows]) + "\n" if rows else "",
        f"4. Run `sh {STATE_RM}` in that folder while nobody else applies.\n" if done.instances else "",
        f"{5 if done.instances else 4}. Plan, and check the plan: "
        "`terraform plan -out next.plan && terraform show -json next.plan > plan.json`, then "
        f"`python -m operations adopt --check-plan plan.json`.\n",
    ]
    if done.besides:
        listed = "\n".join(f"- `{address}`" for address in done.besides)
        parts.append(f"Terraform also forgets these, although the program has no resource for them:\n\n{listed}\n")
    return "\n".join(part for part in parts if part)


def _code(address: str) -> str:
    """Return the header of the block in Terraform's code for an address without keys, and where it is."""
    *modules, type_, name = address.split(".")
    within = ".".join(modules)
    if type_ == "module":
        return f'module "{name}"' + (f"` in the code of `{within}" if within else "")
    return f'resource "{type_}" "{name}"' + (f"` in the code of `{within}" if within else "")


def read_addresses(file: Path) -> list[str]:
    """Return the addresses that a hand-over wrote.

    Raises:
        BadConfiguration: the file isn't one that it wrote.
    """
    try:
        found = json.loads(text_file.read(file))
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(address, str) for address in found):
        raise BadConfiguration(f"{file} isn't a list of addresses; accepted: the file that --hand-over wrote")
    return found


def write(done: HandOver, folder: Path) -> list[str]:
    """Write the files of a hand-over into a folder, creating it if needed, and return their names.

    Raises:
        BadConfiguration: one can't be written.
    """
    made = files(done)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadConfiguration(f"--folder {folder}: {error.strerror}") from None
    for name, text in made.items():
        text_file.write(folder / name, text, "--folder")
    return list(made)
