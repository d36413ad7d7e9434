"""Writes for the gate who may read which secret and parameter: `python -m generators.expected_readers`.

The lists are derived from the catalogue and written to `policies/config/least_privilege.<stack>.json`. The pack
compares them with what the policies of the plan allow. Other configuration in the file stays as it is. This command
also writes the injections (`generators.declared_injections`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from components.catalogue import SECRETS, TASKS, Reader, Secret
from components.iam_names import execution_role_name, task_role_name
from components.immutable import read
from components.naming import Names
from components.parameter_catalogue import WIRING, Parameter, stack_parameters
from components.workload_settings import HERE
from generators.declared_injections import injections_file
from stackfiles.project import load, stacks

_CLOSED: Final[dict[str, dict[str, Any]]] = {
    "unidentified-caller": {"closed_world": True},
    "unagreed-session": {"agreed": []},
    "unagreed-deletion": {"agreed": []},
}
"""Rules that are on for this project's stacks, but off by default for other projects. What owners agreed to stays."""


def expected(names: Names, *, here: bool = False) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Return the configuration of the two rules that compare readers: rule -> `readers` -> name -> roles in AWS.

    It contains names only, so account and region don't matter. `here` is whether the stack creates its workloads.
    """
    return {
        "secret-readers": {
            "readers": {
                secret.name(names): sorted(map(names.role, _secret_readers(secret, names, here=here)))
                for secret in SECRETS
            }
        },
        "parameter-readers": {
            "readers": {
                parameter.name(names): sorted(map(names.role, _parameter_readers(parameter, names)))
                for parameter in stack_parameters(here=here)
            }
        },
    }


def _secret_readers(secret: Secret, names: Names, *, here: bool) -> set[str]:
    """Return the names of the roles: ECS injects variables with the execution role, code reads with the task role."""
    consumers = [consumer for consumer in secret.consumers if here or not consumer.here]
    return {
        *(execution_role_name(names, consumer.workload) for consumer in consumers if consumer.variable),
        *(task_role_name(names, consumer.workload) for consumer in consumers if consumer.workload in TASKS),
        *_role_names(secret.everyone(here=here), names),
    }


def _parameter_readers(parameter: Parameter, names: Names) -> set[str]:
    return {
        *(task_role_name(names, workload) for workload in parameter.workloads),
        *(execution_role_name(names, consumer.workload) for consumer in parameter.consumers),
        *_role_names(parameter.readers, names),
        # A deploy manages every parameter, and reads it to compare it with the program.
        names.resource(Reader.CI_WORKLOADS if parameter in WIRING else Reader.CI_DEPLOY),
    }


def _role_names(readers: Iterable[Reader], names: Names) -> Iterable[str]:
    return (names.resource(reader) for reader in readers)


def readers_file(project: Path, stack: str) -> tuple[Path, str]:
    """Return the configuration file of one of a project's stacks and what it must hold."""
    given = load(project, stack)
    names = Names("", stack, "", "", immutable=read(json.loads(given.setting("immutable") or "{}")))
    path = project / "policies" / "config" / f"least_privilege.{stack}.json"
    said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for rule, configuration in _CLOSED.items():
        said.setdefault(rule, configuration)
    for rule, configuration in expected(names, here=given.setting("workloads") == HERE).items():
        own = said.get(rule)
        said[rule] = (own if isinstance(own, dict) else {}) | configuration
    return path, json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def write(project: Path) -> None:
    """Write the files of each stack of a project."""
    for stack in stacks(project):
        for path, text in (readers_file(project, stack), injections_file(project, stack)):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(path.relative_to(project))


def main() -> None:
    """Write the files of every stack."""
    parser = argparse.ArgumentParser(prog="python -m generators.expected_readers", description=main.__doc__)
    parser.add_argument(
        "--project", type=Path, default=Path(), metavar="FOLDER", help="the project's folder (default: this one)"
    )
    write(parser.parse_args().project)


if __name__ == "__main__":
    main()
