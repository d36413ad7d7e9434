"""Several environments in one Cloudflare zone: none touches what another one made, or what somebody made by hand."""

from __future__ import annotations

from typing import Final

from tests.planning import Plan, plan_of

RECORD: Final = "cloudflare:index/dnsRecord:DnsRecord"
SETTING: Final = "cloudflare:index/zoneSetting:ZoneSetting"


def in_zone(stack: str) -> dict[tuple[str, str], str]:
    """What a stack makes in its zone: type and what Cloudflare tells it from others by -> zone.

    Only ACM knows the name of a record that validates a certificate, one for each host; its comment says which host.
    """
    return {
        (step.type, str(named if named != Plan.unknown else step.inputs["comment"])): step.inputs["zoneId"]
        for step in plan_of(stack).steps
        if step.type.startswith("cloudflare:")
        for named in [step.inputs.get("name", step.inputs.get("settingId"))]
    }


def test_two_stacks_make_nothing_twice_in_one_zone() -> None:
    production, development = in_zone("prod"), in_zone("dev")
    assert {*production.values()} == {*development.values()}
    assert len({*production.values()}) == 1
    assert len(production) > 4
    assert len(development) > 4
    assert production.keys() & development.keys() == set()


def test_nothing_is_a_list_of_the_whole_zone_which_others_add_to() -> None:
    # A record is one of many. A ruleset is the zone's only one of its phase, and who makes it replaces what it held.
    assert {type_ for stack in ("prod", "dev") for type_, _ in in_zone(stack)} <= {RECORD, SETTING}


def test_what_answers_say_about_caching_makes_up_for_the_ruleset() -> None:
    for stack in ("prod", "dev"):
        (policy,) = plan_of(stack).inputs("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
        header = {"header": "Cloudflare-CDN-Cache-Control", "value": "no-store", "override": True}
        assert header in policy["customHeadersConfig"]["items"]
