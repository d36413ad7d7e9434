"""A resource that the preview didn't show isn't created: the pack `previewed`, on a program of a few resources."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.engine.account import Account, made
from tests.engine.deployment import Deployment, prepared
from tests.owner import owned
from tests.planning import PROJECT

pytestmark = pytest.mark.engine

PROGRAM: Final = """
import json
import pulumi
from pulumi import Output, ResourceOptions

applied = not pulumi.runtime.is_dry_run()


class Thing(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("workshop:index:Thing", name, {}, opts)


def parameter(name, value="x", **options):
    inputs = {"name": f"/dev/{name}", "type": "String", "value": value}
    return pulumi.CustomResource("aws:ssm/parameter:Parameter", name, inputs, ResourceOptions(**options))


def bucket(name, tags=None):
    return pulumi.CustomResource("aws:s3/bucket:Bucket", name, {"bucket": f"dev-{name}", "tags": tags})


def provider(name, region):
    return pulumi.ProviderResource("aws", name, {"region": region})


first = parameter("first")
late = first.id
"""
"""The program doesn't need the providers' SDKs, which take seconds to load."""

HONEST: Final = """
thing = Thing("thing")
parameter("second", late, parent=thing)
parameter("third", Output.secret("a real one" if applied else "a stand-in"))
parameter("fourth", Output.secret("a constant"), provider=provider("other", "eu-west-1"), protect=True)
bucket("fifth", {"a": late, "b": "c"})
"""

UNSEEN: Final = {
    "outside-a-preview": 'if applied: parameter("second")',
    "outside-a-preview-within-a-component": 'thing = Thing("thing")\nif applied: parameter("second", parent=thing)',
    "outside-a-preview-with-what-is-known-then": 'if applied: parameter("second", late)',
    "within-apply": 'late.apply(lambda _: parameter("second"))',
    "within-apply-of-several": 'Output.all(late, first.urn).apply(lambda both: [parameter(f"by-{len(both)}")])',
    "within-apply-of-a-name": 'late.apply(lambda text: bucket(text.strip("/").replace("/", "-")))',
    "another-value": 'parameter("second", "other" if applied else "harmless")',
    "another-part-of-a-document": 'parameter("second", json.dumps({"Action": "*" if applied else "s3:GetObject"}))',
    "another-tag-beside-one-known-then": 'bucket("second", {"a": late, "b": "x" if applied else "y"})',
    "another-secret": 'bucket("second", {"a": Output.secret("other" if applied else "harmless")})',
    "one-more-input": 'bucket("second", {"a": "b", **({"c": "d"} if applied else {})})',
    "known-in-one-place-unknown-in-another": 'bucket("second", {"a": "x", "b": late} if applied else {"a": late})',
    "without-protection": 'parameter("second", protect=not applied)',
    "with-another-provider":
        'parameter("second", provider=[provider("a", "eu-west-1"), provider("b", "eu-west-3")][applied])',
    "a-component": 'if applied: parameter("second", parent=Thing("thing"))',
    "a-provider": 'if applied: parameter("second", provider=provider("other", "eu-west-1"))',
    "an-import": 'if applied: parameter("taken", import_="/dev/taken")',
    "another-type": '(bucket if applied else parameter)("second")',
}  # fmt: skip
"""What a program does besides the first parameter, which the preview always has."""

CONFIG: Final = """{
  "not-previewed": {"required": true, "stand_ins": {"aws:ssm/parameter:Parameter": ["value"]}},
  "previewed-only": {"required": true}
}"""


FIRST: Final = [("Create", "aws:ssm/parameter:Parameter")]


def workshop(folder: Path, program: str) -> Deployment:
    """Return a deployment of the program above with more code, judged by the pack `previewed` alone."""
    project = folder / "project"
    (project / "policies" / "config").mkdir(parents=True)
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(owned() / name, project)
    for name in ("previewed", "rulebook"):
        (project / "policies" / name).symlink_to(PROJECT / "policies" / name)
    (project / "policies" / "config" / "previewed.dev.json").write_text(CONFIG)
    (project / "__main__.py").write_text(PROGRAM + program)
    return prepared().deployment(folder, "dev", project)


@pytest.mark.parametrize("name", UNSEEN)
def test_a_resource_that_the_preview_did_not_show_is_not_created(name: str, tmp_path: Path) -> None:
    deployment = workshop(tmp_path, UNSEEN[name])
    taken = {"name": "/dev/taken", "type": "String", "value": "x"}
    Account(deployment.account).put(made("aws:ssm/parameter:Parameter", "urn:taken", taken, "eu-central-1"))
    outcome = deployment.up()
    deployment.attached.stop()
    assert outcome.code == 1
    assert "not-previewed" in outcome.out, outcome.out
    assert set(deployment.changes(0)) <= set(FIRST), outcome.out
    assert not [call for call in deployment.calls("Create") if not call["urn"].endswith("::first")]


def test_a_program_that_matches_its_preview_can_be_applied_repeatedly(tmp_path: Path) -> None:
    deployment = workshop(tmp_path, HONEST)
    for made_now in (5, 0):
        before = len(deployment.journal())
        outcome = deployment.up()
        assert outcome.code == 0, outcome.out
        assert len(deployment.calls("Create", before)) == made_now
    # Existing resources are compared with the preview too, like new ones.
    before = len(deployment.journal())
    deployment.edit("__main__.py", '{"a": late, "b": "c"}', '{"a": late, "b": "d" if applied else "c"}')
    outcome = deployment.up()
    assert outcome.code == 1
    assert "not-previewed" in outcome.out
    assert deployment.changes(before) == []
    deployment.attached.stop()


def test_without_the_wrapper_the_packs_let_nothing_be_created(tmp_path: Path) -> None:
    deployment = workshop(tmp_path, HONEST)
    policies = deployment.project / "policies"
    packs = ("--policy-pack", str(policies / "previewed"))
    configuration = ("--policy-pack-config", str(policies / "config" / "previewed.dev.json"))
    for options in ((), ("--skip-preview",)):
        outcome = deployment.pulumi("up", "--yes", *packs, *configuration, *options)
        assert outcome.code != 0
        assert "no record of this update's preview: the environment doesn't say where it is" in outcome.out
        assert deployment.changes(0) == []
    # Packs that have no configuration require no preview.
    assert deployment.pulumi("up", "--yes", *packs).code == 0
    deployment.attached.stop()
