"""The verdict on each resource: what taking it over would do, and what the first `up` after that would do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final

from operations.adopt.closed_set import close, configured
from operations.adopt.kinds import KINDS, STATE_ONLY
from operations.adopt.matching import import_id
from operations.adopt.rehearsal import Rehearsal
from operations.adopt.resources import (
    Match,
    PropertyChange,
    ReportRow,
    Source,
    TerraformState,
    Told,
    Verdict,
)
from rehearsal.reports.changes import Change, planned_changes
from stackfiles.plan_document import SECRET, Step, resource_label

_TAGS: Final = frozenset({"tags", "tagsAll"})
_LONGEST: Final = 160
"""How many characters of a value the report shows."""
_BEFORE: Final = 40
"""How many characters of a long value the report shows before the first difference."""

BESIDE: Final = frozenset(
    {
        "aws:acm/certificate:Certificate",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:lb/targetGroup:TargetGroup",
    }
)
"""Types that can get a new resource beside the old one, to switch over to, if their names allow it."""
_OTHERWISE_NAMED: Final = {
    "aws:cloudfront/distribution:Distribution": "let the old one serve the wildcard of its host instead "
    "(docs/runbooks/adopting.md, a distribution beside the old one)"
}
"""Type -> how to avoid a name collision with the old resource, where renaming the new one isn't the answer."""


def rows(rehearsal: Rehearsal, state: TerraformState | None, stack: str) -> list[ReportRow]:
    """Return a row for each planned resource, then one for each that only Terraform has.

    Args:
        rehearsal: The rehearsal's result.
        state: Terraform's state, if one was read.
        stack: The stack's name, which the ways out mention.
    """
    steps = {step["urn"]: step for step in rehearsal.preview["steps"]}
    changes = {change.urn: change for change in planned_changes(rehearsal.preview)}
    planned = [
        _planned_row(match, urn in rehearsal.imports, steps.get(urn), changes.get(urn), stack)
        for urn, match in rehearsal.matches.items()
    ]
    return [*planned, *(_terraform_rows(rehearsal.matches, state) if state else ())]


def _planned_row(match: Match, imported: bool, step: Step | None, change: Change | None, stack: str) -> ReportRow:
    urn, address = match.planned.urn, match.terraform.address if match.terraform else ""
    if stop := _unmatched(match, imported):
        verdict, id_, cause, ways_out = stop
        return ReportRow(urn, verdict, id_, address, cause=cause, ways_out=ways_out)
    if not imported:
        return ReportRow(urn, Verdict.CREATED)
    verdict = _imported_verdict(match, step, change)
    changed = () if verdict is Verdict.SAME or not change or not step else tuple(_properties(change, step))
    row = ReportRow(urn, verdict, match.import_id, address, changed)
    return _replaced(row, match, step, stack) if verdict is Verdict.REPLACED and step else row


def _unmatched(match: Match, imported: bool) -> tuple[Verdict, str, str, tuple[str, ...]] | None:
    """Return why a planned resource can't be imported: verdict, id, cause and ways out."""
    urn = match.planned.urn
    ways: tuple[str, ...]
    if match.rivals:
        ways = (f"name the right one in the map: `ids: {{{urn}: ID}}`", _leave(urn))
        return Verdict.AMBIGUOUS, "", f"fits equally: {', '.join(match.rivals)}", ways
    if match.missing:
        ways = (
            "run `terraform apply -refresh-only`, and pull the state again",
            f"name another one in the map: `ids: {{{urn}: ID}}`",
            _leave(urn),
        )
        cause = "it is in Terraform's state, but not in the account"
        return Verdict.MISSING, match.import_id, cause, ways
    if match.taken and not imported:
        ways = (
            "take it over too: `--lookup`",
            f"name it in the map: `ids: {{{urn}: {match.taken}}}`",
            _OTHERWISE_NAMED.get(match.planned.type, "give the program's resource another name"),
        )
        return Verdict.COLLIDES, match.taken, f"would be created, but {match.taken} already has its name", ways
    return None


def _imported_verdict(match: Match, step: Step | None, change: Change | None) -> Verdict:
    if step is None or step["op"] in ("same", "read", "refresh"):
        return Verdict.SAME
    if step["op"] != "update":
        return Verdict.REPLACED
    keys = {*step.get("diffReasons", ())} or {entry.path for entry in (change.properties if change else ())}
    if not keys - STATE_ONLY.get(match.planned.type, frozenset()):
        return Verdict.STATE_ONLY
    if not keys - STATE_ONLY.get(match.planned.type, frozenset()) - _TAGS:
        return Verdict.TAGS
    looked_up = match.found is Source.LOOKUP and KINDS[match.planned.type].put
    return Verdict.OVERWRITES if looked_up else Verdict.IN_PLACE


def _properties(change: Change, step: Step) -> Iterator[PropertyChange]:
    """Yield the properties that differ.

    For a secret, only that it may differ; for a property that no input sets, only that the provider says it differs.
    """
    keys = dict.fromkeys((*step.get("replaceReasons", ()), *step.get("diffReasons", ())))
    if "tags" in keys:
        keys.pop("tagsAll", None)  # the provider's own copy of them
    for key in keys:
        own = [entry for entry in change.properties if entry.path.partition("[")[0].partition(".")[0] == key]
        for entry in own:
            yield PropertyChange(entry.path, *_shortened(entry.before, entry.after))
        if not own:
            states = (step.get("oldState"), step.get("newState"))
            inputs = [state.get("inputs", {}).get(key) for state in states if state]
            yield PropertyChange(key, told=Told.SECRET if SECRET in json.dumps(inputs) else Told.FILLED_IN)


def _shortened(before: str, after: str) -> tuple[str, str]:
    """Shorten two texts for the report; long ones start shortly before the first difference."""
    same = next(place for place, pair in enumerate(zip_longest(before, after)) if pair[0] != pair[1])
    start = max(0, same - _BEFORE) if max(len(before), len(after)) > _LONGEST else 0
    shown = [text[start : start + _LONGEST] + "…" * (len(text) > start + _LONGEST) for text in (before, after)]
    return "…" * (start > 0) + shown[0], "…" * (start > 0) + shown[1]


def _replaced(row: ReportRow, match: Match, step: Step, stack: str) -> ReportRow:
    forced = ", ".join(f"`{key}`" for key in step.get("replaceReasons", ())) or "what it refers to"
    type_, name = match.planned.type, match.planned.name
    kept = ", ".join(f"{key} of {type_}::{name}" for key in step.get("replaceReasons", ()))
    ways = [
        f"make the program match what is running, with `rolePath` or `immutable` in Pulumi.{stack}.yaml "
        "(docs/settings.md)",
        f"keep what is running: `keptDifferences: [{kept}]` in Pulumi.{stack}.yaml, and a waiver of `ignored-changes`",
    ]
    if type_ in BESIDE:
        ways.append(f"create a new one beside it, under another name, and switch: {_leave(row.resource)}")
    cause = f"would be destroyed and created anew: {forced} can't be changed in place"
    return ReportRow(row.resource, row.verdict, row.import_id, row.address, row.changes, cause, tuple(ways))


def _leave(urn: str) -> str:
    return f"leave it to Terraform, in the map: `leave: {{{urn}: {{reason: …, owner: …, until: …}}}}`"


def _terraform_rows(matches: Mapping[str, Match], state: TerraformState) -> Iterator[ReportRow]:
    """Yield a row for each resource that Terraform has and the program doesn't."""
    taken = [match for match in matches.values() if match.import_id and not match.missing]
    ids = {(match.planned.type, match.import_id.partition("@")[0]) for match in taken}
    addresses = {match.terraform.address for match in taken if match.terraform}
    together = close(state, addresses).leaving
    forgotten = {one.address for one in together}
    leaving = {configured(one.whole_address) for one in together}
    for resource in state.resources:
        if resource.address in addresses:
            continue
        again = any((type_, import_id(type_, resource)) in ids for type_ in KINDS)
        if again or resource.address in forgotten:
            yield ReportRow(resource.address, Verdict.FORGOTTEN, address=resource.address)
            continue
        refers = sorted(leaving & set(resource.dependencies))
        yield ReportRow(
            resource.address,
            Verdict.STAYS_AND_REFERS if refers else Verdict.STAYS,
            address=resource.address,
            cause=f"refers to {', '.join(refers)}" if refers else "",
        )


def label(row: ReportRow) -> str:
    """Return the name of a row's resource in a table."""
    return resource_label(row.resource) if row.resource.startswith("urn:") else row.resource
