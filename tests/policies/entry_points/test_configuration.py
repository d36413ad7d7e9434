"""The configuration of the entry-points pack, and waivers for its rules."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.policies.analyzer import StartPack
from tests.policies.entry_points.test_entry_points import TABLES
from tests.policies.tables import planned, rules

TODAY = dt.datetime.now(dt.UTC).date()
MACHINE_PATH = next(row for row in TABLES.stacks if row["id"] == "machine path")


def configured(pack: StartPack, change: dict[str, Any], config: dict[str, Any], stack: str = "prod") -> set[str]:
    return rules(pack("entry_points", stack, config).everything(planned(TABLES.changed(change), stack)))


@pytest.mark.parametrize(("days", "found"), [(1, set()), (-1, {"machine-path-without-sign-in"})])
def test_a_machine_path_needs_a_waiver_that_has_not_expired(pack: StartPack, days: int, found: set[str]) -> None:
    waiver = {
        "resource": "rule",
        "reason": "Workers outside the network call the API",
        "owner": "platform",
        "expires": (TODAY + dt.timedelta(days=days)).isoformat(),
    }
    assert configured(pack, MACHINE_PATH, {"machine-path-without-sign-in": {"waivers": [waiver]}}) == found


def test_a_waiver_for_a_machine_path_covers_no_other_rule_without_sign_in(pack: StartPack) -> None:
    waiver = {"resource": "rule", "reason": "Workers outside", "owner": "platform", "expires": str(TODAY)}
    open_to_all = {"set": {"rule": {"actions": [{"type": "forward", "targetGroupArn": "UNKNOWN"}]}}}
    config = {"machine-path-without-sign-in": {"waivers": [waiver]}}
    assert configured(pack, open_to_all, config) == {"forward-without-sign-in"}


def test_the_hosts_of_the_identity_provider_can_be_configured(pack: StartPack) -> None:
    def with_hosts(*hosts: str) -> set[str]:
        return configured(pack, {}, {"foreign-identity-provider": {"hosts": list(hosts)}})

    assert with_hosts("example.kinde.com") == with_hosts("id.example.org", "EXAMPLE.kinde.com") == set()
    assert with_hosts("id.example.org") == {"foreign-identity-provider"}


def test_the_longest_session_can_be_configured(pack: StartPack) -> None:
    assert configured(pack, {}, {"long-session": {"longest": 3600}}) == {"long-session"}


def test_prefix_lists_can_be_configured(pack: StartPack) -> None:
    assert configured(pack, {}, {"unguarded-ingress": {"prefixLists": ["pl-a3a144ca"]}}) == set()
    assert configured(pack, {}, {"unguarded-ingress": {"prefixLists": ["pl-other"]}}) == {"unguarded-ingress"}


def test_the_header_can_be_configured(pack: StartPack) -> None:
    assert configured(pack, {}, {"rule-without-header-check": {"header": "X-Other"}}) == {"rule-without-header-check"}


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"balancer": {"enableDeletionProtection": False}}, "unprotected-load-balancer"),
        ({"secret": {"recoveryWindowInDays": 0}}, "unrecoverable-secret"),
    ],
)
def test_protection_is_required_in_production_only(pack: StartPack, values: dict[str, Any], rule: str) -> None:
    change = {"set": values}
    assert configured(pack, change, {}) == {rule}
    assert configured(pack, change, {}, "dev") == set()
    assert configured(pack, change, {rule: {"environments": ["dev"]}}, "dev") == {rule}
