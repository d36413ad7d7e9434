"""Compare the tools: `python -m benchmarks.acceptance`. It writes RESULTS.md beside this file.

Every planted fault and its good twin goes to this gate (the pack's own rules), to cfn-lint (as a CloudFormation
resource, if type and property have counterparts there) and to the `validate` of the upstream Terraform provider. The
results name tools that are missing.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final

import yaml

from policies.acceptance import RULES
from policies.acceptance.knowledge import PATCHES
from policies.acceptance.knowledge.matching import Services
from policies.acceptance.knowledge.models import cfn_lint, schemas
from policies.rulebook import Judgement, Resource, Scope
from policies.rulebook.violation import Violation
from tests.policies.acceptance.api_requests import request
from tests.policies.acceptance.planted import Fault, faults
from tests.policies.acceptance.terraform import PLUGINS, Terraform

RESULTS: Final = Path(__file__).with_name("RESULTS.md")

Inputs = Mapping[str, Any]
Labelled = Mapping[str, tuple[str, Inputs]]
"""Label -> type and inputs of a resource."""


Told = Mapping[str, frozenset[str]]
"""Label -> what a tool says about the resource."""


def gate(resources: Labelled) -> Told:
    """Return this gate's findings."""
    found: dict[str, frozenset[str]] = {}
    for label, (type_, inputs) in resources.items():
        resource = Resource(type_, f"urn:pulumi:prod::project::{type_}::{label}", label, inputs)
        for rule in RULES:
            if rule.types and type_ not in rule.types:
                continue
            config = {key: schema["default"] for key, schema in rule.config.items()}
            judged: Any = [resource] if rule.scope is Scope.STACK else resource
            findings = rule.check(judged, Judgement("project", "prod", config))
            messages = {Violation(rule, finding).message for finding in findings}
            found[label] = found.get(label, frozenset()) | messages
    return found


class CfnLint:
    """cfn-lint with its default rules."""

    def __init__(self) -> None:
        from cfnlint.version import __version__

        source = cfn_lint()
        self.version = __version__
        self._patches: Mapping[str, Any] = yaml.safe_load(PATCHES.read_text(encoding="utf-8"))
        self._services = Services([], schemas(source), self._patches["modules"])

    def resource(self, type_: str, inputs: Inputs) -> dict[str, Any] | None:
        """Return a resource in CloudFormation's form, or None if CloudFormation has no such type."""
        named = _CLOUDFORMATION.get(type_) or self._patches["types"].get(type_, {}).get("schema")
        schema = self._services.schema(type_, named)
        if not schema:
            return None
        aliases = {**self._patches["aliases"].get(type_, {}), **_MOVED.get(type_, {})}
        properties = request(type_, inputs, schema.properties(), aliases)
        if "certificateArn" in inputs and "Listener" in schema.name:
            properties["Certificates"] = [{"CertificateArn": inputs["certificateArn"]}]
        return {"Type": schema.name, "Properties": properties}

    def refused(self, resources: Labelled) -> Told:
        """Return its errors, without those that the form of the templates causes (see `_FROM_TEMPLATES`)."""
        from cfnlint.api import ManualArgs, lint

        made = {label: self.resource(*resource) for label, resource in resources.items()}
        template = {"Resources": {label: resource for label, resource in made.items() if resource}}
        errors: dict[str, frozenset[str]] = {}
        for match in lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"])):
            place = list(match.path or [])
            if match.rule.id.startswith("E") and match.rule.id not in _FROM_TEMPLATES and len(place) > 1:
                errors[place[1]] = errors.get(place[1], frozenset()) | {f"{match.rule.id} {match.message}"}
        return errors


_FROM_TEMPLATES: Final = ("E3003", "E3019")
"""A property is missing, because only a part of a type is written; two resources of one template have the same name."""

_MOVED: Final = {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "prefixListId": "SourcePrefixListId",
        "referencedSecurityGroupId": "SourceSecurityGroupId",
        "securityGroupId": "GroupId",
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {
        "prefixListId": "DestinationPrefixListId",
        "referencedSecurityGroupId": "DestinationSecurityGroupId",
        "securityGroupId": "GroupId",
    },
}
"""Properties that have another name in CloudFormation."""

_CLOUDFORMATION: Final = dict.fromkeys(
    (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
    ),
    "AWS::S3::Bucket",
)
"""Types that are a part of another type in CloudFormation."""


def compare() -> str:
    """Return the results as Markdown."""
    bad = {f"f{fault.number}": (fault.type, fault.refused) for fault in faults()}
    good = {f"f{fault.number}": (fault.type, fault.twin) for fault in faults()}
    tools: dict[str, tuple[str, Callable[[Labelled], Told] | None]] = {"this gate": ("", gate)}
    linter = CfnLint()
    tools[f"cfn-lint {linter.version}"] = ("", linter.refused)
    with tempfile.TemporaryDirectory() as folder:
        try:
            terraform = Terraform(Path(folder))
            tools[f"Terraform provider {terraform.version}, validate"] = ("", terraform.refused)
        except (OSError, KeyError, StopIteration, subprocess.CalledProcessError):
            tools["Terraform provider, validate"] = (f"missing: it needs `terraform` on the path and {PLUGINS}", None)
        about_bad = {name: run(bad) if run else {} for name, (_, run) in tools.items()}
        alarms = {name: run(good) if run else {} for name, (_, run) in tools.items()}
    # A finding that the good twin has too isn't about the fault.
    found = {
        name: {label for label, messages in told.items() if messages - alarms[name].get(label, frozenset())}
        for name, told in about_bad.items()
    }
    alarmed = {name: {label: sorted(said)[0] for label, said in told.items() if said} for name, told in alarms.items()}
    return _page({name: note for name, (note, _) in tools.items()}, found, alarmed)


def _page(
    tools: Mapping[str, str],
    found: Mapping[str, Set[str]],
    alarms: Mapping[str, Mapping[str, str]],
) -> str:
    aws = {f"f{fault.number}" for fault in faults() if fault.type.startswith("aws:")}
    rows = [
        (
            name,
            f"{len(found[name])} of {len(faults())}",
            f"{len(found[name] & aws)} of {len(aws)}",
            str(len(alarms[name])),
            note,
        )
        for name, note in tools.items()
    ]
    alarmed = [(name, label, said) for name in tools for label, said in sorted(alarms[name].items())]
    told = "".join(f"- {name}: {_named(label)}: {said}\n" for name, label, said in alarmed)
    return (
        f"{_INTRODUCTION}\n"
        f"{_table(('tool', 'faults found', 'of those of AWS', 'false alarms on the good twins', ''), rows)}\n"
        f"## By service\n\n{_table(('service', 'faults', *tools), _by_service(tools, found))}\n"
        f"## False alarms\n\n{told or 'None.'}"
    )


_INTRODUCTION: Final = """# Planted faults that each tool finds

Written by `python -m benchmarks.acceptance`. The faults are those of `tests/policies/acceptance/planted.yaml`, which
was written before the rules; each tool sees a resource in its own language. A fault counts as found if a tool refuses
it and accepts its good twin. cfn-lint and Terraform's AWS provider don't see Cloudflare's resources.
"""


def _by_service(tools: Iterable[str], found: Mapping[str, Set[str]]) -> list[tuple[str, ...]]:
    services = Counter(_service(fault) for fault in faults())
    hits = {name: Counter(_service(faults()[int(label[1:])]) for label in found[name]) for name in tools}
    return [
        (service, str(count), *(str(hits[name][service]) for name in tools))
        for service, count in sorted(services.items())
    ]


def _named(label: str) -> str:
    fault = faults()[int(label[1:])]
    return f"`{fault.type}` `{fault.path}`"


def _service(fault: Fault) -> str:
    return fault.type.partition("/")[0]


def _table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heading, tuple("---" for _ in heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    RESULTS.write_text(compare(), encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))
