"""The gate: all packs in one process, none left out, each with its own name and configuration."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from pulumi.runtime.proto import analyzer_pb2

from policies.gate import packs
from policies.rulebook import BadConfiguration
from rehearsal.reports.markdown import markdown
from stackfiles import project
from tests.owner import FILES, owned
from tests.planning import PROJECT, copy_project, rehearse
from tests.policies.analyzer import Process, StartPack

EXTRA: Final = """
from policies.rulebook import Finding, Rules, Severity

RULES = Rules()


@RULES.resource("{id}", title="No bucket.", remedy="Do without.", source="https://example.com/", severity=Severity.LOW)
def _bucket(resource, judgement):
    if resource.type == "aws:s3/bucket:Bucket":
        yield Finding("It is one.")
"""


def with_another_pack(folder: Path, source: str) -> Path:
    copied = copy_project(folder)
    pack = copied / "policies" / "extra_rules"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (pack / "__init__.py").write_text(source)
    return copied


def test_the_gate_serves_every_rule_of_every_pack(pack: StartPack) -> None:
    served = {id_: list(rule.tags) for id_, rule in pack("gate").rules.items()}
    alone = {
        id_: [f"pack:{folder.name.replace('_', '-')}"]
        for folder in project.packs(PROJECT)
        for id_ in pack(folder.name).rules
    }
    assert served == alone


def test_the_gate_gives_the_verdicts_of_the_packs(pack: StartPack) -> None:
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("pulumi:pulumi:Stack", {}),
        ("aws:iam/user:User", {}),
        ("aws:iam/role:Role", {"name": "x", "assumeRolePolicy": "{"}),
        ("aws:lb/listener:Listener", {"protocol": "HTTP"}),
        ("a:b:C", {}),
    )
    for type_, properties in asked:
        alone = [found for folder in project.packs(PROJECT) for found in pack(folder.name).resource(type_, properties)]
        assert pack("gate").resource(type_, properties) == alone


def test_the_gates_own_program_gives_the_same_verdicts(pack: StartPack) -> None:
    program, folder = pack(owned() / "policies" / "gate" / "serve"), pack("gate")
    assert program.rules == folder.rules
    for type_ in ("pulumi:pulumi:Stack", "aws:iam/user:User", "aws:iam/role:Role"):
        assert program.resource(type_, {}) == folder.resource(type_, {})


def test_the_gate_judges_only_the_stack_it_is_configured_for() -> None:
    process = Process(owned() / "policies" / "gate" / "serve", "dev")
    assert process.stub.Handshake(analyzer_pb2.AnalyzerHandshakeRequest()).IsInitialized()
    with pytest.raises(grpc.RpcError, match="configured for the stack dev, and this is prod"):
        process.stub.ConfigureStack(analyzer_pb2.AnalyzerStackConfigureRequest(stack="prod"))
    process.stop()


def test_the_gate_ends_after_an_engine_that_was_killed() -> None:
    serve = owned() / "policies" / "gate" / "serve"
    command = ["sh", "-c", '"$0" 127.0.0.1:0 & wait', str(serve)]
    with subprocess.Popen(command, env=os.environ | {"PULUMI_STACK": "dev"}, stdout=subprocess.PIPE) as engine:
        assert engine.stdout
        assert engine.stdout.readline().strip().isdigit()
        engine.kill()
        engine.communicate(timeout=60)  # the gate has the pipe too, and closes it with its end


def test_the_gate_serves_an_added_pack(tmp_path: Path) -> None:
    copied = with_another_pack(tmp_path, EXTRA.format(id="bucket"))
    plan = rehearse("prod", copied, tmp_path / "plan.json")
    assert plan.rules == {"extra-rules/bucket"}
    assert f"{len(project.packs(PROJECT)) + 1} packs, " in plan.printed


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "defines no `RULES`"),
        ("RULES = ()", "are empty or no rules; accepted: rules of the rulebook"),
        (EXTRA.format(id="iam-user"), "the packs extra-rules and least-privilege both have a rule `iam-user`"),
    ],
)
def test_a_pack_that_the_gate_cannot_serve_stops_the_preview(tmp_path: Path, source: str, said: str) -> None:
    plan = rehearse("prod", with_another_pack(tmp_path, source), tmp_path / "plan.json")
    assert plan.exit_code == 2
    assert said in plan.printed
    assert "Traceback" not in plan.printed


def _nameless(policies: Path) -> None:
    (policies / "naming").unlink()
    shutil.copytree(PROJECT / "policies" / "naming", policies / "naming")
    (policies / "naming" / "PulumiPolicy.yaml").rename(policies / "naming" / "PulumiPolicy.yml")


def _several_gone(policies: Path) -> None:
    for name in ("naming", "acceptance"):
        (policies / name).unlink()


MISSING: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "manifest-renamed": (_nameless, "lists naming, but there is no PulumiPolicy.yaml in"),
    "folder-renamed": (lambda policies: (policies / "naming").rename(policies / "names"), "lists naming, but there"),
    "folder-gone": (lambda policies: (policies / "inventory").unlink(), "lists inventory, but there is no"),
    "several-gone": (_several_gone, "lists acceptance, naming, but there is no PulumiPolicy.yaml in"),
    "gate-gone": (lambda policies: (policies / "gate").unlink(), "packs.json lists what the gate serves"),
    "list-gone": (lambda policies: (policies / "config" / "packs.json").unlink(), "packs.json can't be read as JSON"),
    "list-empty": (lambda policies: (policies / "config" / "packs.json").write_text("[]"), "packs.json: accepted: a"),
    "list-of-other-things": (
        lambda policies: (policies / "config" / "packs.json").write_text('[{"name": "naming"}]'),
        "packs.json: accepted: a list of the names",
    ),
}
"""A change to the folder of policies, and the message about it."""


@pytest.mark.parametrize("what", sorted(MISSING.keys() - {"gate-gone"}))
def test_no_pack_is_left_out_silently(tmp_path: Path, what: str) -> None:
    policies = copy_project(tmp_path) / "policies"
    change, said = MISSING[what]
    change(policies)
    with pytest.raises(BadConfiguration, match=re.escape(said)):
        packs(policies, "prod")


@pytest.mark.parametrize("what", ["gate-gone", "several-gone"])
def test_without_a_pack_nothing_is_planned(tmp_path: Path, what: str) -> None:
    copied = copy_project(tmp_path)
    change, said = MISSING[what]
    change(copied / "policies")
    plan = rehearse("prod", copied, tmp_path / "plan.json")
    assert plan.exit_code == 2
    assert said in plan.printed
    assert "passed" not in plan.printed


@pytest.mark.parametrize("stack", project.stacks(FILES))
def test_every_stack_requires_an_update_to_match_its_preview(stack: str) -> None:
    (previewed,) = (pack for pack in packs(owned() / "policies", stack) if pack.name == "previewed")
    for rule in previewed.rules:
        assert previewed.config[rule.id].properties["required"] is True
        assert previewed.config[rule.id].level == "mandatory"


def test_the_summary_says_what_is_waived_and_until_when(tmp_path: Path) -> None:
    copied = copy_project(tmp_path)
    until = str(dt.datetime.now(dt.UTC).date() + dt.timedelta(30))
    names = ("a-bucket", "urn:pulumi:prod::p::aws:s3/bucket:Bucket::x-*abc", "an\x1b[2Jother")
    waivers = [{"resource": name, "reason": "a reason of a test", "owner": "me", "expires": until} for name in names]
    config = {"missing-tags": {"waivers": waivers}, "misnamed-role": "advisory"}
    (copied / "policies" / "config" / "naming.prod.json").write_text(json.dumps(config))
    plan = rehearse("prod", copied, tmp_path / "plan.json")
    assert plan.exit_code == 0, plan.printed
    (summary,) = plan.printed.splitlines()[-1:]
    assert "rules enforced (advisory: misnamed-role; waived: missing-tags for a-bucket until " in summary
    shown = [f"missing-tags for {name} until {until}" for name in (*names[:2], "an\\x1b[2Jother")]
    assert ", ".join(shown) in summary
    document = json.loads((tmp_path / "plan.json").read_text())
    told = [(waived["rule"], waived["resource"]) for waived in document["policyEnforcement"]["waived"]]
    assert told == [("missing-tags", name) for name in names]
    assert f"waived: {', '.join(shown)}" in markdown(document).splitlines()[0]


def configured(tmp_path: Path, text: str, name: str = "naming.prod.json") -> dict[str, tuple[str, dict[str, Any]]]:
    """Return each rule's configuration, if one file has this text."""
    folder = copy_project(tmp_path) / "policies"
    for file in (folder / "config").glob("*.prod.json"):
        file.unlink()
    (folder / "config" / name).write_text(text)
    return {
        id_: (entry.level, dict(entry.properties))
        for pack in packs(folder, "prod")
        for id_, entry in pack.config.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ('{"missing-tags": "advisory"}', {"missing-tags": ("advisory", {})}),
        # Without a level, a rule keeps its own; the protocol's default would be the laxest level.
        ('{"missing-tags": {"required": ["Owner"]}}', {"missing-tags": ("mandatory", {"required": ["Owner"]})}),
    ],
)
def test_a_file_configures_the_rules_of_its_pack(tmp_path: Path, text: str, expected: dict[str, Any]) -> None:
    assert configured(tmp_path, text) == expected


def test_all_sets_the_level_of_a_pack_and_its_rules_override_it(tmp_path: Path, pack: StartPack) -> None:
    text = '{"all": "disabled", "missing-tags": "mandatory", "misnamed-role": {"environment": "x"}}'
    levels = {id_: level for id_, (level, _) in configured(tmp_path, text).items()}
    expected = {**dict.fromkeys(pack("naming").rules, "disabled"), "missing-tags": "mandatory"}
    assert levels == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "naming.prod.json can't be read as JSON"),
        ("[]", "naming.prod.json: accepted: an object from rule id"),
        ('{"missing-tag": "advisory"}', "missing-tag: there is no such rule; did you mean `missing-tags`?"),
        ('{"iam-user": "advisory"}', "iam-user: there is no such rule"),  # of another pack
        ('{"missing-tags": "strict"}', "missing-tags: `enforcementLevel` is 'strict'; accepted: advisory, mandatory"),
        ('{"missing-tags": {"enforcementLevel": []}}', "missing-tags: `enforcementLevel` is []; accepted: advisory"),
        ('{"all": {"waivers": []}}', "all: accepted: an enforcement level, and nothing else"),
        ('{"missing-tags": 3}', "missing-tags: accepted: an enforcement level or an object"),
        ('{"missing-tags": {"required": "Owner"}}', "missing-tags: `required` has the wrong type"),
        ('{"missing-tags": {"requires": []}}', "missing-tags: `requires` isn't a key of this rule"),
        ('{"missing-tags": {"waivers": [{}]}}', "missing-tags: `waivers[0]` lacks `resource`"),
        ('{"all": {"required": []}}', "all: accepted: an enforcement level, and nothing else"),
    ],
)
def test_configuration_that_a_pack_does_not_accept_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadConfiguration) as refused:
        configured(tmp_path, text)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["namings.prod.json", "gate.prod.json"])
def test_a_configuration_file_without_a_pack_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        BadConfiguration, match=r"configures no pack; accepted before `\.prod\.json`: acceptance, entry_points"
    ):
        configured(tmp_path, "{}", name)


def test_the_gate_does_not_start_without_a_stack(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="needs the stack's name"):
        packs(PROJECT / "policies", "")


def test_refused_configuration_is_bad_usage(tmp_path: Path) -> None:
    copied = copy_project(tmp_path)
    (copied / "policies" / "config" / "naming.prod.json").write_text('{"missing-tag": "advisory"}')
    plan = rehearse("prod", copied, tmp_path / "plan.json")
    assert plan.exit_code == 2
    assert "naming.prod.json: missing-tag: there is no such rule" in plan.printed
