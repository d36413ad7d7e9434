"""Writes the generated pages of `docs/`. A test compares them with the code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import yaml

from components.catalogue import SECRETS, Consumer
from components.naming import Names
from components.parameter_catalogue import stack_parameters
from generators import accepted, ci_calls, replacements, state_calls
from policies.least_privilege.access.tables import page
from policies.rulebook.documentation import table as rule_table
from review.diagram.draw import svg
from review.diagram.flowchart import mermaid
from review.diagram.read import read_stack
from stackfiles.failures import Failure
from stackfiles.plan_document import PlanDocument
from stackfiles.project import packs

_CODE: Final = Path(__file__).resolve().parent.parent
"""The folder of the embedded engine and the packs, whichever project the pages are about."""
_NOTE: Final = "<!-- Written by `make docs`; change the code it comes from, not this page. -->\n\n"
_PROD: Final = Names("PROJECT", "prod", "ACCOUNT", "REGION")


def pages(project: Path, plans: Mapping[str, PlanDocument]) -> dict[str, str]:
    """Map the file name of each generated page about a project to its text. `plans` has the plan of each stack."""
    # The engine guarantees no order among resources that don't depend on each other.
    plans = {
        stack: {**plan, "steps": sorted(plan["steps"], key=lambda step: str(step["urn"]))}
        for stack, plan in plans.items()
    }
    # The page shows one stack: production if there is one.
    shown = "prod" if "prod" in plans else min(plans)
    parts = read_stack(plans[shown])
    return {
        **{f"access-{stack}.md": _NOTE + page(cast(Any, plan)) for stack, plan in plans.items()},
        "secrets-and-parameters.md": _NOTE + _secrets() + "\n" + _parameters(),
        "settings.md": _NOTE + _settings(project),
        "rules.md": _NOTE + _rules(),
        "accepted.md": _NOTE + accepted.page(plans.values()),
        "ci-permissions.md": _NOTE + ci_calls.page() + state_calls.page(),
        "replacements.md": _NOTE + replacements.page(plans[shown]),
        "diagram.svg": svg(parts),
        "diagram.md": _NOTE + f"# The stack\n\nDrawn from the plan of `{shown}`.\n\n![The stack](diagram.svg)\n\n"
        f"```mermaid\n{mermaid(parts)}```\n",
    }


def _plans(project: Path) -> dict[str, PlanDocument]:
    """Return the plan of each stack, without judging it.

    Raises:
        Failure: a stack can't be planned completely.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "plans.json"
        command = [sys.executable, "-m", "rehearsal", "--all-stacks", "--json", str(file), "--quiet"]
        command += ["--project", str(project.resolve()), "--unjudged"]
        done = subprocess.run(command, cwd=_CODE, check=False, capture_output=True, text=True)
        plans: dict[str, PlanDocument] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if done.returncode or not plans:
        raise Failure(f"no page was written: not every stack can be planned:\n{done.stdout}{done.stderr}".rstrip())
    return plans


def _secrets() -> str:
    rows = [
        (
            f"`{secret.name(_PROD)}`",
            secret.purpose,
            secret.shape,
            secret.maker,
            "<br>".join(
                [
                    *map(_consumer, secret.consumers),
                    *secret.readers,
                    *(f"{reader} with `workloads: here`" for reader in secret.readers_here),
                    *secret.elsewhere,
                ]
            ),
        )
        for secret in SECRETS
    ]
    return (
        "# Secrets\n\nThese are the names in production; in another environment, its name replaces `prod`.\n"
        "The secrets made by the program have no value at first: `operations fill-secrets` gives them one.\n\n"
        + _table(("name", "holds", "shape", "made by", "consumers"), rows)
    )


def _consumer(consumer: Consumer) -> str:
    variable = f" as `{consumer.variable}`" if consumer.variable else ""
    key = f" (its `{consumer.key}`)" if consumer.key else ""
    return f"{consumer.workload}{variable}{key}" + (" with `workloads: here`" if consumer.here else "")


def _parameters() -> str:
    rows = [
        (
            f"`{parameter.name(_PROD)}`",
            parameter.purpose,
            "SecureString" if parameter.secret else "String",
            " or ".join(f"`{value}`" for value in parameter.accepted),
            "<br>".join(
                [
                    *parameter.workloads,
                    *(f"{consumer.workload} as `{consumer.variable}`" for consumer in parameter.consumers),
                    *parameter.readers,
                    *parameter.elsewhere,
                ]
            ),
        )
        for parameter in stack_parameters(here=True)
    ]
    text = "# Parameters\n\nParameters that are injected as a variable exist only with `workloads: here`.\n\n"
    return text + _table(("name", "holds", "type", "accepted", "read by"), rows)


def _settings(project: Path) -> str:
    declared = yaml.safe_load((project / "Pulumi.yaml").read_text(encoding="utf-8"))
    rows = [
        (
            f"`{key}`" + (" (secret)" if entry.get("secret") else ""),
            entry["type"],
            f"`{json.dumps(entry['default'])}`" if entry.get("default", "") != "" else "",
            entry["description"],
        )
        for key, entry in declared["config"].items()
    ]
    text = (
        "# Settings\n\nThese are the keys of a stack's configuration. A stack file needs a value for each key without "
        "a default. A key can have the project's name as a prefix, as in `PROJECT:domain`.\n\n"
    )
    return text + _table(("key", "type", "default", "meaning"), rows)


def _rules() -> str:
    text = "# Rules of the policy packs\n\nEvery rule is mandatory unless policy configuration says otherwise.\n"
    for pack in packs(_CODE):
        rules = import_module(f"policies.{pack.name}").RULES
        text += f"\n## {pack.name}\n\n{rule_table(rules)}"
    return text


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(project: Path) -> None:
    """Write all pages about a project, and delete those about stacks that it no longer has.

    Raises:
        Failure: a stack can't be planned. Then no page is written.
    """
    folder = project / "docs"
    texts = pages(project, _plans(project))
    for file in folder.glob("access-*.md"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        print(f"docs/{name}")
