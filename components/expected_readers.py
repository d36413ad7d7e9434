"""Write who may read which secret and parameter, for the gate: `python -m components.expected_readers`.

The catalogue says it; `policies/config/least_privilege.<stack>.json` hands it to the pack, which compares it with what
the policies of the plan really allow. Other configuration in the file stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from components.catalogue import PARAMETERS, SECRETS, Parameter, Reader, Secret
from components.naming import PROJECT, Names
from components.workload_permissions import TASKS
from components.workload_roles import execution_role_name, task_role_name

FOLDER: Final = Path(__file__).resolve().parent.parent
CONFIG: Final = FOLDER / "policies" / "config"


def expected(names: Names) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Return the configuration of the two rules that compare readers: rule -> `readers` -> ARN -> names of roles."""
    return {
        "secret-readers": {
            "readers": {
                names.secret_arn_pattern(secret.name(names)): sorted(_readers_of_secret(secret, names))
                for secret in SECRETS
            }
        },
        "parameter-readers": {
            "readers": {
                names.parameter_arn(parameter.name(names)): sorted(_readers_of_parameter(parameter, names))
                for parameter in PARAMETERS
            }
        },
    }


def _readers_of_secret(secret: Secret, names: Names) -> set[str]:
    """ECS injects a variable with the execution role; the application's own code has the task role."""
    return {
        *(execution_role_name(names, consumer.workload) for consumer in secret.consumers if consumer.variable),
        *(task_role_name(names, consumer.workload) for consumer in secret.consumers if consumer.workload in TASKS),
        *_outside(secret.readers, names),
    }


def _readers_of_parameter(parameter: Parameter, names: Names) -> set[str]:
    return {
        *(task_role_name(names, workload) for workload in parameter.workloads),
        *_outside(parameter.readers, names),
        # It makes every parameter, and to compare one with the program is to read it.
        names.resource(Reader.CI_DEPLOY),
    }


def _outside(readers: Iterable[Reader], names: Names) -> Iterable[str]:
    return (names.resource(reader) for reader in readers)


def file_of(stack: str) -> tuple[Path, str]:
    """Return the configuration file of a stack and what it must hold."""
    settings = yaml.safe_load((FOLDER / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    partition = settings.get(f"{PROJECT}:partition", "aws")
    names = Names(stack, str(settings["aws:allowedAccountIds"][0]), settings["aws:region"], partition)
    path = CONFIG / f"least_privilege.{stack}.json"
    given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for rule, configuration in expected(names).items():
        own = given.get(rule)
        given[rule] = (own if isinstance(own, dict) else {}) | configuration
    return path, json.dumps(given, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file of every stack."""
    for settings in sorted(FOLDER.glob("Pulumi.*.yaml")):
        path, text = file_of(settings.name.removeprefix("Pulumi.").removesuffix(".yaml"))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(FOLDER))


if __name__ == "__main__":
    main()
