"""Several environments in one Cloudflare zone: none touches what another one created, or what was created by hand."""

from __future__ import annotations

from typing import Final

from tests.planning import Plan, plan_of

RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
SETTING: Final = "cloudflare:index/zoneSetting:ZoneSetting"


def in_zone(stack: str) -> dict[tuple[str, str], str]:
    """What a stack creates in its zone: type and the name that Cloudflare identifies it by -> zone.

    Only ACM knows the name of a record that validates a certificate. There is one for each host, named in its comment.
    """
    return {
        (step.type, str(named if named != Plan.unknown else step.inputs["comment"])): step.inputs["zoneId"]
        for step in plan_of(stack).steps
        if step.type.startswith("cloudflare:")
        for named in [step.inputs.get("name", step.inputs.get("settingId"))]
    }


def test_two_stacks_in_one_zone_create_different_things() -> None:
    production, development = in_zone("prod"), in_zone("dev")
    assert {*production.values()} == {*development.values()}
    assert len({*production.values()}) == 1
    assert len(production) > 4
    assert len(development) > 4
    assert production.keys() & development.keys() == set()


def test_no_resource_replaces_what_others_added_to_the_zone() -> None:
    # A zone has many records. It has one ruleset for each phase, and creating that replaces the one before.
    assert {type_ for stack in ("prod", "dev") for type_, _ in in_zone(stack)} <= {RECORD, SETTING}


def test_response_headers_turn_off_caching_without_a_ruleset() -> None:
    for stack in ("prod", "dev"):
        (policy,) = plan_of(stack).inputs("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
        header = {"header": "Cloudflare-CDN-Cache-Control", "value": "no-store", "override": True}
        assert header in policy["customHeadersConfig"]["items"]
