"""A zone that Terraform manages with either generation of Cloudflare's provider is matched, forgotten, taken back."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import httpx
import jmespath
import pytest

from operations.adopt import hand_over, terraform_state
from operations.adopt.check_plan import check
from operations.adopt.kinds import CLOUDFLARE, KINDS
from operations.adopt.live import Account
from operations.adopt.resources import Match, PlannedResource, TerraformState
from operations.web import Web, parse_routes
from tests.operations.adopt.estates import REGION, match, planned
from tests.operations.adopt.terraform_zone import CODE, DOMAIN, GENERATIONS, TOKEN, made
from tests.operations.adopt.zone_double import ServedZone, ZoneDouble, serving_zone
from tests.policies.acceptance import terraform

ZONE: Final = "0123456789abcdef" * 2

RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
RULESET: Final = "cloudflare:index/ruleset:Ruleset"
SETTING: Final = "cloudflare:index/zoneSetting:ZoneSetting"
PLANNED: Final = [
    *(
        planned(RECORD, name, name=f"{name}.{DOMAIN}", type="CNAME", zoneId=ZONE)
        for name in ("portal", "pipelines", "origin")
    ),
    planned(RECORD, "new", name=f"new.{DOMAIN}", type="CNAME", zoneId=ZONE),
    planned(RULESET, "cache", phase="http_request_cache_settings", kind="zone", zoneId=ZONE),
    planned(RULESET, "redirects", phase="http_request_dynamic_redirect", kind="zone", zoneId=ZONE),
]
SSL: Final = planned(SETTING, "ssl", settingId="ssl", zoneId=ZONE)
"""Generation 4 has all settings of a zone in one resource, which stays with Terraform."""

PUBLISHED: Final[dict[str, tuple[set[str], type, set[str], set[str]]]] = {
    "zones/{zone_id}/dns_records": (
        {"name", "type", "content", "proxied", "match", "page", "per_page", "order", "direction"},
        list,
        {"id", "name", "type", "content", "proxiable", "created_on", "modified_on"},
        {"ttl", "proxied", "comment", "tags", "meta", "settings"},
    ),
    "zones/{zone_id}/rulesets/phases/{ruleset_phase}/entrypoint": (
        set(),
        dict,
        {"id", "kind", "last_updated", "name", "phase", "rules", "version"},
        {"description"},
    ),
    "zones/{zone_id}/settings/{setting_id}": (
        set(),
        dict,
        set(),
        {"id", "value", "editable", "modified_on", "enabled", "time_remaining"},
    ),
}
"""Cloudflare's published answers for each path that a listing asks for: some parameters, the kind of `result`, and the
fields of its items: the required ones, and some others.

From openapi.json of https://github.com/cloudflare/api-schemas as of 2024-07-31. A record's `settings` is newer: it is
from version 7.7 of https://github.com/cloudflare/cloudflare-go, which is generated from that file and has the rest too.
"""


def recorded(generation: str) -> str:
    return (CODE / f"{generation}.json").read_text()


def zone_of(state: TerraformState) -> ZoneDouble:
    """Return a zone with the contents of a state, under the names that Cloudflare gives."""
    zone = ZoneDouble(DOMAIN)
    for one in state.resources:
        given = {name: found[0] for name, found in one.attributes.items()}
        if one.type in KINDS[RECORD].terraform:
            zone.records[given["id"]] = zone.record(given["id"], {**given, "content": "x", "ttl": 1})
        elif one.type == "cloudflare_ruleset":
            zone.rulesets[given["id"]] = {
                **given,
                "name": "default",
                "kind": "zone",
                "rules": [],
                "version": "1",
                "last_updated": "",
            }
    return zone


def live(served: ServedZone) -> Account:
    """Return an account that asks this zone."""
    return Account(REGION, Web(10.0, parse_routes([served.route]), served.trust), TOKEN)


def matched(plan: list[PlannedResource], state: TerraformState, served: ServedZone) -> dict[str, tuple[str, str]]:
    """Return the match of each planned resource: Terraform's address and the import id."""
    found: dict[str, Match] = match(plan, state, live(served))
    assert not [one for one in found.values() if one.rivals or one.taken or one.missing]
    return {name: (one.terraform.address if one.terraform else "", one.import_id) for name, one in found.items()}


def expected(generation: str, state: TerraformState) -> dict[str, tuple[str, str]]:
    record = "cloudflare_record" if generation == "v4" else "cloudflare_dns_record"
    ids = {one.address: one.attributes["id"][0] for one in state.resources if "id" in one.attributes}
    addresses = {name: f'{record}.app["{name}"]' for name in ("portal", "pipelines")} | {"origin": f"{record}.origin"}
    cache = "cloudflare_ruleset.cache"
    return {
        **{name: (address, f"{ZONE}/{ids[address]}") for name, address in addresses.items()},
        "new": ("", ""),
        "cache": (cache, f"zones/{ZONE}/{ids[cache]}"),
        "redirects": ("", ""),
        "ssl": ("cloudflare_zone_setting.ssl" if generation == "v5" else "", f"{ZONE}/ssl"),
    }


@pytest.mark.parametrize("generation", GENERATIONS)
def test_resources_of_each_provider_generation_are_matched(generation: str, tmp_path: Path) -> None:
    state = terraform_state.read(recorded(generation), generation)
    with serving_zone(zone_of(state), tmp_path) as served:
        assert matched([*PLANNED, SSL], state, served) == expected(generation, state)
    assert {method for method, _ in served.zone.requests} == {"GET"}


def test_a_record_has_its_short_name_in_the_state_until_terraform_reads_it_again() -> None:
    """Therefore a record that the state has under another name is identified by its id."""
    state = terraform_state.read(recorded("v5"), "v5")
    names = {name for one in state.resources if "dns_record" in one.type for name in one.attributes["name"]}
    assert names == {"portal", "pipelines", f"origin.{DOMAIN}"}


@pytest.mark.parametrize("type_", [type_ for type_, kind in KINDS.items() if kind.listing.service == CLOUDFLARE])
def test_listings_of_cloudflare_match_its_published_api(type_: str, tmp_path: Path) -> None:
    kind = KINDS[type_]
    path, query = urlsplit(kind.listing.operation).path, urlsplit(kind.listing.operation).query
    (published,) = [one for one in PUBLISHED if _without_names(one) == _without_names(path)]
    parameters, shape, required, others = PUBLISHED[published]
    assert {name for name, _ in parse_qsl(query)} <= parameters

    # From an answer with every published field, the query takes everything that matching needs.
    one = dict.fromkeys(required | others, "text")
    (found,) = jmespath.search(kind.listing.query, {"result": [one] if shape is list else one})
    needed = {name for _, name, _, _ in string.Formatter().parse(kind.import_id) if name}
    needed |= {key.attribute for keys in kind.keys for key in keys}
    assert {name for name, value in found.items() if value == "text"} == needed - kind.listing.given.keys()

    # The double gives no other fields.
    state = terraform_state.read(recorded("v5"), "v5")
    with serving_zone(zone_of(state), tmp_path) as served:
        asked = path.format(zoneId=ZONE, phase="http_request_cache_settings", settingId="ssl")
        answer = httpx.get(f"https://{served.address}/client/v4/{asked}", verify=served.trust).json()
    assert answer["success"] is True
    answered: list[dict[str, Any]] = answer["result"] if shape is list else [answer["result"]]
    assert isinstance(answer["result"], shape)
    for given in answered:
        assert required <= given.keys() <= required | others | {"zone_id"}


def _without_names(path: str) -> list[str]:
    return ["{}" if part.startswith("{") else part for part in path.split("/")]


def without_notes(text: str) -> Any:  # noqa: ANN401 - JSON
    """Return a state's resources without a provider's private notes."""
    document = json.loads(text)
    for resource in document["resources"]:
        for instance in resource["instances"]:
            instance.pop("private", None)
    return document["resources"]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_terraform_forgets_a_zone_and_takes_it_back(generation: str, tmp_path: Path) -> None:
    if reason := terraform.missing("cloudflare/cloudflare"):
        pytest.skip(reason)
    with made(generation, tmp_path) as (workspace, served):
        text = workspace.state()
        assert without_notes(text) == without_notes(recorded(generation)), (
            "run python -m tests.operations.adopt.terraform_zone"
        )
        asked = len(served.zone.requests)
        state = terraform_state.read(text, generation)
        plan = [*PLANNED, SSL] if generation == "v5" else PLANNED
        found = matched(plan, state, served)
        assert found == {name: found_ for name, found_ in expected(generation, state).items() if name in found}
        done = hand_over.prepare(state, {address: id_ for address, id_ in found.values() if address})
        assert (done.problems, done.instances, done.besides) == ([], [], [])

        code, files = workspace.folder / "main.tf", hand_over.files(done)
        before = code.read_text()
        code.write_text(before.partition('\nresource "')[0])
        (workspace.folder / hand_over.REMOVED).write_text(files[hand_over.REMOVED])
        next_plan = check(json.loads(workspace.plan()), done.addresses)
        assert (sorted(next_plan.forgotten), next_plan.problems) == (sorted(done.addresses), ())
        workspace.apply()

        (workspace.folder / hand_over.REMOVED).unlink()
        # An import with generation 4 gives the short name only, and no options at all.
        code.write_text(before.replace(f"origin.{DOMAIN}", "origin") if generation == "v4" else before)
        (workspace.folder / hand_over.WAY_BACK).write_text(files[hand_over.WAY_BACK])
        changes = json.loads(workspace.plan())["resource_changes"]
        assert {one["address"] for one in changes} == set(done.addresses)
        actions = {action for one in changes for action in one["change"]["actions"]}
        assert actions == ({"no-op", "update"} if generation == "v4" else {"no-op"})
        assert all(one["change"]["importing"] for one in changes)
        assert {method for method, _ in served.zone.requests[asked:]} == {"GET"}
