"""Turns a Terraform plan (`terraform show -json PLAN`) into the resources that the pack judges.

The format is https://developer.hashicorp.com/terraform/internals/json-format. The pack knows Pulumi's types, which are
generated from the same provider: apart from a few, their names and properties can be derived from Terraform's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.check.bad_input import BadInput
from policies.check.source import ACCOUNT, Source, Subject, make
from policies.least_privilege import RULES
from policies.least_privilege.stack.attached import PLACES
from policies.least_privilege.stack.roles import POLICY, ROLE
from policies.rulebook import UNKNOWN, Json

_ODD: Final[Mapping[str, str]] = {
    "aws:apigateway/restApi:RestApi": "aws_api_gateway_rest_api",
    "aws:apigateway/restApiPolicy:RestApiPolicy": "aws_api_gateway_rest_api_policy",
    "aws:iam/sshKey:SshKey": "aws_iam_user_ssh_key",
    "aws:mediastore/containerPolicy:ContainerPolicy": "aws_media_store_container_policy",
}
"""Pulumi's type -> Terraform's, where it can't be derived."""

_PROPERTIES: Final[Mapping[str, str]] = {"inline_policy": "inlinePolicies"}
"""Terraform's property -> Pulumi's, where it can't be derived."""

_SINGLE: Final = frozenset(("customer_managed_policy_reference",))
"""Blocks that can be there once at most; in Pulumi each is an object."""


_REFERRING: Final = frozenset(
    "role roles role_name policy_arn policy_arns managed_policy_arns permissions_boundary".split()
)
"""Arguments that name a role or policy. If that doesn't exist yet, the plan's configuration still says which it is."""


_DOCUMENTS: Final = {place.path for places in PLACES.values() for place in places}


def _terraform(type_: str) -> str:
    _, module, name = type_.split(":")
    return _ODD.get(type_, f"aws_{module.partition('/')[0]}_{re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', name).lower()}")


TYPES: Final[Mapping[str, str]] = {_terraform(type_): type_ for rule in RULES for type_ in sorted(rule.types)}
"""Terraform's type -> Pulumi's, for each type that a rule judges."""


def is_plan(content: object) -> bool:
    """Tell whether a file is a plan of Terraform or OpenTofu."""
    return isinstance(content, Mapping) and isinstance(content.get("resource_changes"), list)


def subjects(source: Source, account: str) -> list[Subject]:
    """Return the resources that exist once the plan is applied.

    Raises:
        BadInput: an entry breaks the format.
    """
    return list(_Plan(source, account).subjects())


@dataclass(frozen=True)
class _Change:
    """A resource of the plan. `where` is the address of its module."""

    address: str
    type: str
    where: str
    after: Mapping[str, Any]
    unknown: Mapping[str, Any]
    sensitive: Mapping[str, Any]
    expressions: Mapping[str, Any] | None
    """The expressions in its configuration; None if the plan doesn't hold the configuration."""

    @property
    def index(self) -> str:
        """Return the index at the end of its address, empty if it has none."""
        return self.address[self.address.rindex("[") :] if self.address.endswith("]") else ""


class _Plan:
    def __init__(self, source: Source, account: str) -> None:
        self._source = source
        self._account = account
        root = source.content.get("configuration", {}).get("root_module", {})
        self._expressions = dict(_expressions(root, ""))
        self._changes = [change for entry in source.content["resource_changes"] if (change := self._change(entry))]

    def _change(self, entry: Any) -> _Change | None:  # noqa: ANN401 - whatever the file holds
        match entry:
            case {"address": str(address), "type": str(type_), "mode": "managed", "change": {"after": after} as it}:
                if type_ not in TYPES or after is None:
                    return None
                where = str(entry.get("module_address", ""))
                unknown, sensitive = it.get("after_unknown") or {}, it.get("after_sensitive") or {}
                expressions = self._expressions.get(_without_index(address))
                return _Change(address, type_, where, after, unknown, sensitive, expressions)
            case {"mode": "data"}:
                return None
            case _:
                raise BadInput("isn't a Terraform plan: a resource change has no address, type, mode or change")

    def subjects(self) -> Iterator[Subject]:
        for change in self._changes:
            unknown: list[str] = []
            properties = {
                _property(key): self._value(change, key, unknown) for key in {**change.after, **change.unknown}
            }
            if TYPES[change.type] in (ROLE, POLICY):
                properties["name"] = self._name(change)
            resource = make(TYPES[change.type], change.address, properties, self._account)
            yield Subject(resource, self._source, change.address, unknown=unknown)

    def _value(self, change: _Change, key: str, unknown: list[str]) -> Json:
        value, open_ = change.after.get(key), change.unknown.get(key, False)
        if change.sensitive.get(key) is True:
            unknown.append(f"`{key}` is sensitive")
            return UNKNOWN
        if open_ is not True:
            merged = _merged(value, open_)
            return (merged[0] if merged else None) if key in _SINGLE and isinstance(merged, list) else merged
        if change.expressions is not None and key not in change.expressions:
            return None  # Nobody set it, so the provider chooses it.
        references = _references((change.expressions or {}).get(key))
        found = [self._referred(change, one) for one in references] if key in _REFERRING else []
        if found and all(found):
            return found if key.endswith("s") else found[0] if len(found) == 1 else UNKNOWN
        if _property(key) in _DOCUMENTS:
            unknown.append(f"it comes from {' and '.join(references) or 'a resource that is created first'}")
        return UNKNOWN

    def _referred(self, change: _Change, reference: str) -> str:
        """Return the role's name or the policy's ARN that a reference stands for; empty if it isn't exactly one."""
        path, _, attribute = reference.rpartition(".")
        address = f"{change.where}.{path}".lstrip(".")
        found = [
            one
            for one in self._changes
            if address == (one.address if path.endswith("]") else one.address.removesuffix(one.index))
        ]
        if len(found) != 1:
            return ""
        (one,) = found
        match TYPES[one.type], attribute:
            case type_, "id" | "name" if type_ == ROLE:
                return self._name(one)
            case type_, "id" | "arn" if type_ == POLICY:
                return f"arn:aws:iam::{self._account or ACCOUNT}:policy{one.after.get('path') or '/'}{self._name(one)}"
        return ""

    @staticmethod
    def _name(change: _Change) -> str:
        """Return the name of a role or policy; its address stands in for a name that is generated later."""
        name = change.after.get("name")
        return name if isinstance(name, str) else change.address


def _expressions(module: Mapping[str, Any], where: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources of the configuration: address without indexes, and expressions by argument."""
    for resource in module.get("resources", []):
        yield f"{where}{resource['address']}", resource.get("expressions", {})
    for name, call in module.get("module_calls", {}).items():
        yield from _expressions(call.get("module", {}), f"{where}module.{name}.")


def _references(expression: Any) -> list[str]:  # noqa: ANN401 - whatever the file holds
    """Return the references in an argument, each in its longest form."""
    found = expression.get("references", []) if isinstance(expression, Mapping) else []
    return [one for one in found if not any(other.startswith((f"{one}.", f"{one}[")) for other in found)]


def _without_index(address: str) -> str:
    return re.sub(r"\[[^\]]*\]", "", address)


def _merged(value: Any, unknown: Any) -> Json:  # noqa: ANN401 - whatever the file holds
    """Return a value with `UNKNOWN` where the plan says so, and with Pulumi's keys."""
    if unknown is True:
        return UNKNOWN
    if isinstance(value, list):
        items = unknown if isinstance(unknown, list) else []
        return [_merged(item, items[index] if index < len(items) else False) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        below = unknown if isinstance(unknown, Mapping) else {}
        return {_property(key): _merged(value.get(key), below.get(key, False)) for key in {**value, **below}}
    return value  # type: ignore[no-any-return]


def _property(key: str) -> str:
    return _PROPERTIES.get(key, re.sub("_([a-z0-9])", lambda match: match[1].upper(), key))
