"""The frame of the packs, seen through the analyzer protocol: failures, unknowns, waivers, configuration, levels."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

import pytest
from google.protobuf import json_format
from pulumi.runtime.proto import analyzer_pb2

from policies.naming import RULES
from policies.rulebook import UNKNOWN as RULEBOOK_UNKNOWN
from policies.rulebook import Resource
from policies.rulebook.documentation import table
from policies.rulebook.waivers import Waiver
from stackfiles import project
from tests.policies.analyzer import FOLDER, ROOT, UNKNOWN, Json, Planned, StartPack, secret

FRAME: Final = Path(__file__).parent / "packs" / "frame"
TODAY: Final = dt.datetime.now(dt.UTC).date()
WORDS: Final = "test:index:forbidden-words"
IN_FORCE: Final = {"reason": "agreed in the review", "owner": "platform", "expires": str(TODAY + dt.timedelta(300))}


def waiver(resource: str, **changes: Json) -> dict[str, Json]:
    entry = {"resource": resource, **IN_FORCE, **changes}
    return {key: value for key, value in entry.items() if value is not None}


@pytest.mark.parametrize(
    ("rule", "properties", "said"),
    [
        (
            "raises",
            {"password": "hunter2"},
            ["Found before the failure.", "The rule failed with ValueError at frame/__main__.py:25;"],
        ),
        ("asks", {}, ["Found before the question.", "`name` is missing; the gate needs a string."]),
        ("asks", {"name": None}, ["Found before the question.", "`name` is missing; the gate needs a string."]),
        ("asks", {"name": 7}, ["Found before the question.", "`name` is a number; the gate needs a string."]),
        ("asks", {"name": {"a": UNKNOWN}}, ["Found before the question.", "`name` is a mapping; the gate needs"]),
        ("asks", {"name": UNKNOWN}, ["Found before the question.", "`name` isn't known at preview"]),
        ("asks", {"name": secret(UNKNOWN)}, ["Found before the question.", "`name` isn't known at preview"]),
        ("asks", {"name": secret("plain")}, ["Found before the question."]),
        ("careless", {"enabled": UNKNOWN}, ["The rule failed with TypeError"]),
        ("nothing", {}, ["The rule failed with TypeError"]),
    ],
)
def test_a_rule_that_cannot_judge_reports_a_mandatory_violation(
    pack: StartPack, rule: str, properties: dict[str, Json], said: list[str]
) -> None:
    found = pack(FRAME).resource(f"test:index:{rule}", properties)
    assert len(found) == len(said)
    for violation, text in zip(found, said, strict=True):
        assert (violation.rule, violation.level) == (rule, "mandatory")
        assert violation.message.startswith(f"Title of {rule}.\n{text}")
        assert violation.message.endswith(f"\nTo fix: Mend {rule}.")
        assert "hunter2" not in violation.message


@pytest.mark.parametrize(
    ("rules", "asked"),
    [
        ([], []),
        (["sharing-two"], ["sharing-two"]),
        (["sharing-two", "sharing-one"], ["sharing-one", "sharing-two"]),
        # A rule that can't tell which rules have something to say has all of them asked.
        (UNKNOWN, ["sharing-one", "sharing-two"]),
    ],
)
def test_a_shared_analysis_decides_which_rules_are_asked(pack: StartPack, rules: Json, asked: list[str]) -> None:
    found = pack(FRAME).resource("test:index:sharing", {"rules": rules})
    assert [violation.rule for violation in found] == asked


def test_a_stack_rule_that_fails_is_a_violation_of_the_resource_it_failed_on(pack: StartPack) -> None:
    stack = [Planned("test:index:raises-for-stack", {}, name) for name in ("first", "second")]
    first, second = (resource.urn("prod") for resource in stack)
    found = pack(FRAME).stack_of(stack)
    assert [(item.level, item.urn) for item in found] == [("mandatory", first), ("mandatory", second)]
    # The rule judged nothing after the second resource, so a waiver for the second can't cover the failure.
    judge = pack(
        FRAME, config={"raises-for-stack": {"waivers": [waiver("first"), waiver("second"), waiver("*econd*")]}}
    )
    assert [item.urn for item in judge.stack_of(stack)] == [second]


def test_a_pack_can_judge_assets(pack: StartPack) -> None:
    archive = {
        "4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7",
        "uri": "https://example.org/a.zip",
    }
    found = pack(FRAME).resource("test:index:asks", {"name": archive})
    assert "`name` is an asset; the gate needs a string." in found[-1].message


@pytest.mark.parametrize(
    ("entry", "left"),
    [
        (waiver("it"), []),
        (waiver("urn:pulumi:prod::*::it"), []),
        (waiver("i?"), []),
        (waiver("it", finding="*`secret`*"), ["token"]),
        (waiver("other"), ["secret", "token"]),
        (waiver("t"), ["secret", "token"]),
    ],
)
def test_a_waiver_covers_its_resource_and_finding_and_nothing_else(
    pack: StartPack, entry: dict[str, Json], left: list[str]
) -> None:
    judge = pack(FRAME, config={"forbidden-words": {"forbidden": ["secret", "token"], "waivers": [entry]}})
    found = judge.resource(WORDS, {"words": ["secret", "token", "fine"]})
    assert [item.message.splitlines()[1] for item in found] == [f"Holds `{word}`." for word in left]
    assert judge.root() == []


@pytest.mark.parametrize("name", ["rule[0]", "a::b", "naïve"])
def test_special_characters_in_a_waivers_resource_are_literal(pack: StartPack, name: str) -> None:
    judge = pack(FRAME, config={"forbidden-words": {"waivers": [waiver(name)]}})
    assert judge.resource(WORDS, {"words": ["secret"]}, name) == []
    assert bool(judge.resource(WORDS, {"words": ["secret"]}, "0")) is True


def test_a_waiver_holds_to_the_end_of_its_last_day(pack: StartPack) -> None:
    for day, holds in ((TODAY + dt.timedelta(1), True), (TODAY - dt.timedelta(2), False)):
        judge = pack(FRAME, config={"forbidden-words": {"waivers": [waiver("it", expires=str(day))]}})
        assert bool(judge.resource(WORDS, {"words": ["secret"]})) is not holds
        said = [item.message for item in judge.root()]
        assert said == ([] if holds else [said[0]])
        assert holds or f"The waiver for `it` (owner platform) expired on {day}." in said[0]


def test_a_waiver_that_never_ends_covers_nothing(pack: StartPack) -> None:
    for day in (str(TODAY + dt.timedelta(368)), str(TODAY + dt.timedelta(400)), "9999-12-31"):
        judge = pack(FRAME, config={"forbidden-words": {"waivers": [waiver("it", expires=day)]}})
        assert len(judge.resource(WORDS, {"words": ["secret"]})) == 1
        (said,) = judge.root()
        assert said.level == "mandatory"
        assert f"The waiver for `it` (owner platform) ends on {day}, more than 366 days ahead" in said.message


def test_a_pattern_for_names_does_not_match_urns(pack: StartPack) -> None:
    judge = pack(FRAME, config={"forbidden-words": {"waivers": [waiver("*prod*"), waiver("*pulumi*")]}})
    assert len(judge.resource(WORDS, {"words": ["secret"]})) == 1


@pytest.mark.parametrize(("today", "too_long"), [("2026-11-23", True), ("2026-11-24", False)])
def test_a_waiver_lasts_366_days_at_most(today: str, too_long: bool) -> None:
    waiver = Waiver("it", "agreed in the review", "platform", dt.date(2027, 11, 25))
    assert waiver.too_long(dt.date.fromisoformat(today)) is too_long


@pytest.mark.parametrize(("today", "expired"), [("2026-11-23", False), ("2026-11-24", False), ("2026-11-25", True)])
def test_the_last_day_of_a_waiver_counts(today: str, expired: bool) -> None:
    waiver = Waiver("it", "agreed in the review", "platform", dt.date(2026, 11, 24))
    assert waiver.expired(dt.date.fromisoformat(today)) is expired


def test_a_path_can_lead_to_a_value_nothing_or_an_unknown() -> None:
    resource = Resource("t:i:T", "urn", "it", {"a": {"b": [1.0, {"c": RULEBOOK_UNKNOWN}]}, "null": None})
    assert resource.get("a.b.0") == 1.0
    assert resource.get("a.b.1.c.d.e") is RULEBOOK_UNKNOWN
    for path in ("null", "null.x", "a.x", "a.b.2", "a.b.x", "a.b.0.x"):
        assert resource.get(path, "default") == "default"
        assert resource.text_or_none(path) is None
        assert resource.items(path) == []
        assert resource.mapping(path) == {}
        assert resource.flag(path, default=True) is True


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("all", "`waivers` must be a list of {resource, reason, owner, expires}"),
        (["it"], "`waivers[0]` must be a mapping with resource, reason, owner, expires"),
        ([waiver("other"), waiver("it", owner=None)], "`waivers[1]` lacks `owner`"),
        ([waiver("it", expires=None)], "`waivers[0]` lacks `expires`"),
        ([waiver("it", until="2999-01-01")], "`waivers[0]` has the unknown key `until`; accepted: resource"),
        ([waiver("it", reason="because")], "`waivers[0]` needs a text for `reason` that says why"),
        ([waiver("")], "`waivers[0]` needs a text for `resource`"),
        ([waiver("it", finding="")], "`waivers[0]` needs a text for `finding`"),
        ([waiver("it", owner=7)], "`waivers[0]` needs a text for `owner`"),
        ([waiver("it", expires="tomorrow")], "`waivers[0]` has `expires: tomorrow`; accepted: a date, YYYY-MM-DD"),
        ([waiver("it", expires="29991231")], "`waivers[0]` has `expires: 29991231`; accepted: a date"),
        ([waiver("it", expires="2999-02-30")], "`waivers[0]` has `expires: 2999-02-30`; accepted: a date"),
        *(
            ([waiver(wide)], f"`waivers[0]` covers too much with `resource: {wide}`; accepted: a resource's name")
            for wide in (
                "*",
                "?*",
                "???",
                "urn:*",
                "urn:pulumi:prod::*",
                "*::*",
                "*-*",
                "*it*",
                "urn:pulumi:prod::a::b::**",
            )
        ),
        ([waiver("it", expires=2999)], "`waivers[0]` needs a text for `expires`"),
    ],
)
def test_a_malformed_waiver_is_reported_once_on_the_stack_and_covers_nothing(
    pack: StartPack, entries: Json, said: str
) -> None:
    judge = pack(FRAME, config={"forbidden-words": {"waivers": entries}})
    (problem,) = judge.root()
    assert (problem.rule, problem.level) == ("forbidden-words", "mandatory")
    assert ROOT in problem.urn
    assert said in problem.message
    (found,) = judge.resource(WORDS, {"words": ["secret"]})
    assert "Holds `secret`." in found.message


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"forbidden": "secret"}, "`forbidden` has the wrong type; accepted: array of string"),
        ({"forbidden": [1]}, "`forbidden` has the wrong type; accepted: array of string"),
        ({"forbiden": []}, "`forbiden` isn't a key of this rule; accepted: forbidden, waivers"),
    ],
)
def test_bad_configuration_is_reported_once_and_never_loosens_a_rule(
    pack: StartPack, config: dict[str, Json], said: str
) -> None:
    judge = pack(FRAME, config={"forbidden-words": config})
    (problem,) = judge.root()
    assert said in problem.message
    assert len(judge.resource(WORDS, {"words": ["secret", "token"]})) == 1


def test_the_level_of_a_rule_is_configurable(pack: StartPack) -> None:
    expected: dict[Any, list[str]] = {"mandatory": ["mandatory"], "advisory": ["advisory"], "disabled": []}
    for level, levels in expected.items():
        found = pack(FRAME, levels={"forbidden-words": level}).resource(WORDS, {"words": ["secret"]})
        assert [item.level for item in found] == levels


PACKS: Final = [folder.name for folder in project.packs(FOLDER.parent)]


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_has_a_title_a_remedy_and_a_severity(pack: StartPack, name: str) -> None:
    for id_, policy in pack(name).rules.items():
        assert id_.replace("-", "").isalnum(), id_
        assert id_ == id_.lower()
        assert policy.description.endswith(".")
        assert policy.remediation_steps.endswith(".")
        assert policy.url.startswith("https://")
        assert policy.severity, f"{id_} has no severity"
        assert policy.enforcementLevel == analyzer_pb2.MANDATORY, f"{id_} isn't mandatory"
        for key, schema in json_format.MessageToDict(policy.configSchema.properties).items():
            assert {"description", "default", "type"} <= set(schema), f"{id_}: {key}"


def test_the_rules_can_be_shown_as_a_table() -> None:
    lines = table(RULES).splitlines()
    assert len(lines) == len(RULES) + 2
    assert {line.replace("\\|", "").count("|") for line in lines} == {7}
    for rule, line in zip(RULES, lines[2:], strict=True):
        assert line.startswith(f"| `{rule.id}` | {rule.title} |")
        assert rule.source in line
