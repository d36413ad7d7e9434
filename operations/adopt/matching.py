"""Finds the running resource for each planned one: one to one, by type and identifying values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from operations.adopt.kinds import KINDS, Key, Kind
from operations.adopt.live import Live
from operations.adopt.map_file import Map
from operations.adopt.resources import (
    Match,
    PlannedResource,
    Source,
    TerraformResource,
    TerraformState,
    Values,
    arn_place,
    identifier,
)
from operations.adopt.terraform_state import values
from rehearsal.reports.create_only import create_only
from stackfiles.plan_document import UNKNOWN

_REGION: Final = "@"
"""Separates an import id from its region, where that isn't the provider's
(https://www.pulumi.com/registry/packages/aws/how-to-guides/enhanced-region-support/)."""

_DISTRIBUTION: Final = "aws:cloudfront/distribution:Distribution"
"""Two distributions can't have the same host
(https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html)."""


@dataclass(frozen=True)
class _Candidate:
    """A running resource that may match; `terraform` is set if it is in Terraform's state."""

    import_id: str
    attributes: Values
    terraform: TerraformResource | None = None

    @property
    def label(self) -> str:
        return self.terraform.address if self.terraform else self.import_id


@dataclass(frozen=True)
class Matcher:
    """Matches the resources of a plan.

    `state` is None if everything is looked up. With `lookup`, resources that aren't in Terraform's state are taken over
    as well; without it, only those that a creation would silently overwrite.
    """

    state: TerraformState | None
    live: Live
    known: Map
    account: str
    region: str
    lookup: bool
    _in_state: dict[str, list[_Candidate]] = field(default_factory=dict, init=False)

    def match(self, planned: Sequence[PlannedResource], before: Mapping[str, Match]) -> dict[str, Match]:
        """Return the match of every planned resource: URN -> match.

        Args:
            planned: The plan's resources without components.
            before: Matches that are already settled.

        Raises:
            BadConfiguration: the map names a resource that isn't planned.
            Failure: AWS or Cloudflare doesn't answer.
        """
        if not before:
            self.known.require_known({resource.urn: resource.type for resource in planned})
        found = dict(before)
        by_type: defaultdict[str, list[PlannedResource]] = defaultdict(list)
        for resource in planned:
            if resource.urn not in before:
                by_type[resource.type].append(resource)
        for type_ in (*KINDS, *(by_type.keys() - KINDS.keys())):
            kind = KINDS.get(type_)
            matches = _Kind(self, kind, found).match(by_type[type_]) if kind else map(Match, by_type[type_])
            found |= {match.planned.urn: match for match in list(matches)}
        return found

    def in_state(self, type_: str) -> list[_Candidate]:
        """Return the resources of a type in Terraform's state."""
        if type_ not in self._in_state:
            self._in_state[type_] = [
                _Candidate(id_, resource.attributes, resource)
                for resource in (self.state.resources if self.state else ())
                if (id_ := import_id(type_, resource)) and not _elsewhere(resource.attributes, self.account)
            ]
        return self._in_state[type_]


def import_id(type_: str, resource: TerraformResource) -> str:
    """Return the import id of a resource in Terraform's state as a resource of a type; "" if it isn't one."""
    kind = KINDS[type_]
    if resource.type not in kind.terraform or not _admits(kind, resource.attributes):
        return ""
    return identifier(kind.import_id, resource.attributes)


class _Kind:
    """The matching of all resources of one type."""

    def __init__(self, matcher: Matcher, kind: Kind, found: Mapping[str, Match]) -> None:
        self._matcher = matcher
        self._kind = kind
        self._found = found
        self._taken: set[str] = set()

    def match(self, planned: Sequence[PlannedResource]) -> Iterator[Match]:
        known = self._matcher.known
        types = {resource.type for resource in planned}
        self._taken = {_plain(match.import_id) for match in self._found.values() if match.planned.type in types}
        self._taken |= {_plain(known.ids[resource.urn]) for resource in planned if resource.urn in known.ids}
        left = []
        for resource in planned:
            if resource.urn in known.ids:
                yield Match(resource, self._address(known.ids[resource.urn]), known.ids[resource.urn], Source.MAP)
            elif resource.urn in known.leave:
                yield Match(resource, taken=self._namesake(resource))
            else:
                left.append(resource)
        tiers = [(Source.STATE, number) for number in range(len(self._kind.keys))]
        tiers += [(Source.LOOKUP, number) for number in range(len(self._kind.keys) if self._matcher.lookup else 1)]
        for source, number in tiers:
            matches = list(self._tier(left, source, number))
            settled = {match.planned.urn for match in matches}
            left = [resource for resource in left if resource.urn not in settled]
            yield from matches
        yield from map(Match, left)

    def _tier(self, planned: Sequence[PlannedResource], source: Source, number: int) -> Iterator[Match]:
        """Yield the matches that one set of keys decides. Several candidates are ambiguous only for the first set."""
        fitting = {resource.urn: self._fitting(resource, source, number) for resource in planned}
        wanting: defaultdict[str, list[PlannedResource]] = defaultdict(list)
        for resource in planned:
            for id_ in fitting[resource.urn]:
                wanting[id_].append(resource)
        for resource in planned:
            candidates = fitting[resource.urn]
            others = {other.name for id_ in candidates for other in wanting[id_]} - {resource.name}
            if len(candidates) == 1 and not others:
                (candidate,) = candidates.values()
                self._taken.add(candidate.import_id)
                yield self._decided(resource, candidate, source)
            elif candidates and number == 0:
                labels = [candidate.label for candidate in candidates.values()]
                planned_too = [f"the planned {name}" for name in sorted(others)]
                yield Match(resource, found=source, rivals=tuple(labels if len(labels) > 1 else planned_too))

    def _decided(self, resource: PlannedResource, candidate: _Candidate, source: Source) -> Match:
        # The state may have it under another name: Cloudflare's provider, for one, lets a record's name omit the zone.
        terraform = candidate.terraform or self._address(candidate.import_id)
        if not (terraform or self._matcher.lookup or self._kind.put):
            return Match(resource, taken=candidate.import_id)
        region = self._region(resource)
        suffix = "" if region == self._matcher.region else f"{_REGION}{region}"
        missing = source is Source.STATE and not self._exists(resource, candidate)
        found = Source.STATE if terraform else source
        return Match(resource, terraform, f"{candidate.import_id}{suffix}", found, missing=missing)

    def _fitting(self, resource: PlannedResource, source: Source, number: int) -> dict[str, _Candidate]:
        """Return the candidates that fit a set of keys and aren't taken yet: import id -> candidate."""
        terms, region = self._terms(resource), self._region(resource)
        candidates = self._matcher.in_state(resource.type) if source is Source.STATE else self._live(resource)
        return {
            candidate.import_id: candidate
            for candidate in reversed(candidates)
            if candidate.import_id not in self._taken
            and not _elsewhere(candidate.attributes, self._matcher.account, region)
            and all(_agrees(key, terms, candidate.attributes) for key in self._kind.keys[number])
        }

    def _live(self, resource: PlannedResource) -> list[_Candidate]:
        found = self._matcher.live.find(self._kind.listing, self._terms(resource), self._region(resource))
        return [_Candidate(identifier(self._kind.import_id, attributes), attributes) for attributes in found or ()]

    def _namesake(self, resource: PlannedResource) -> str:
        """Return the id of the running resource with the same name if names are unique; "" if both can exist."""
        alone = resource.type == _DISTRIBUTION or create_only(resource.type).get("name")
        return next(iter(self._fitting(resource, Source.LOOKUP, 0)), "") if alone else ""

    def _exists(self, resource: PlannedResource, candidate: _Candidate) -> bool:
        """Return whether the account has a resource of Terraform's state. The state's values override the plan's."""
        of_state = {
            key.planned.partition("|")[0]: candidate.attributes[key.attribute]
            for keys in self._kind.keys
            for key in keys
            if key.attribute in candidate.attributes
        }
        terms = {**self._terms(resource), **of_state}
        found = self._matcher.live.find(self._kind.listing, terms, self._region(resource))
        return candidate.import_id in {identifier(self._kind.import_id, attributes) for attributes in found or ()}

    def _address(self, id_: str) -> TerraformResource | None:
        """Return the resource in Terraform's state with an import id."""
        types = [type_ for type_, kind in KINDS.items() if kind is self._kind]
        found = [one for type_ in types for one in self._matcher.in_state(type_) if one.import_id == _plain(id_)]
        return found[0].terraform if found else None

    def _region(self, resource: PlannedResource) -> str:
        given = resource.inputs.get("region")
        return given if isinstance(given, str) and given != UNKNOWN else self._matcher.region

    def _terms(self, resource: PlannedResource) -> Values:
        """Return the inputs that are known; one that is another resource's output stands for that one's import id."""
        paths = {path for keys in self._kind.keys for key in keys for path in key.planned.split("|")}
        terms = {}
        for path in paths | resource.inputs.keys():
            given = tuple(values(resource.inputs, path))
            references = resource.references.get(path.partition(".")[0], ())
            if UNKNOWN in given:
                match = self._found.get(references[0]) if len(references) == 1 else None
                given = (_plain(match.import_id),) if match and match.import_id else ()
            if given:
                terms[path] = given
        return terms


def _agrees(key: Key, terms: Values, attributes: Values) -> bool:
    wanted = {key.form(text) for path in key.planned.split("|") for text in terms.get(path, ())}
    there = {key.form(text) for text in attributes.get(key.attribute, ())}
    return wanted == there != set() if key.whole else bool(wanted & there)


def _admits(kind: Kind, attributes: Values) -> bool:
    return all(attributes.get(name, (value,)) == (value,) for name, value in kind.only.items())


def _elsewhere(attributes: Values, account: str, region: str = "") -> bool:
    """Return whether an ARN belongs to another account, or to another region than the one given."""
    where, who = arn_place(attributes)
    return bool((who and who != account) or (region and where and where != region))


def _plain(id_: str) -> str:
    """Return an import id without its region."""
    return id_.partition(_REGION)[0]
