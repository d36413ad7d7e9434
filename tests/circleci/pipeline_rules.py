"""Reads a pipeline file, and checks the rules that keep branches away from the deploy role.

Every job gets an OIDC token, with or without a context
(https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/). A trust policy of AWS can require
its branch but not its job, since AWS knows no claim of CircleCI but the project
(https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html). So the deploy
role trusts each job that runs on main.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

MAIN: Final = "main"
DEPLOY: Final = "platform-deploy"
BRANCHES: Final = (MAIN, "a-feature", "main/../x", "maintenance")

_CACHES: Final = ("restore_cache", "attach_workspace")
"""Steps that use what another job wrote; a cache can come from a job on any branch."""
_SHELL_VALUE: Final = re.compile(r"<<\s*pipeline\.(?!parameters\.)[\w.]+\s*>>")
"""A value that the person who starts a pipeline can choose, such as the name of a branch."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline file."""

    document: Mapping[str, Any]

    def jobs_on(self, branch: str, **parameters: str) -> dict[str, dict[str, Any]]:
        """The jobs that run for a branch with some parameters, and the options of each."""
        return {
            name: options
            for workflow in self.document["workflows"].values()
            if self._holds(workflow.get("when", True), branch, parameters)
            for entry in workflow["jobs"]
            for name, options in ([(entry, {})] if isinstance(entry, str) else entry.items())
        }

    def _holds(self, condition: Any, branch: str, parameters: Mapping[str, str]) -> bool:  # noqa: ANN401 - as YAML has it
        """Whether a condition holds; only conditions on the branch and the pipeline's parameters are known."""
        if isinstance(condition, bool):
            return condition
        ((operator, given),) = condition.items()
        if operator == "not":
            return not self._holds(given, branch, parameters)
        if operator in ("and", "or"):
            return (all if operator == "and" else any)(self._holds(one, branch, parameters) for one in given)
        assert operator == "equal", f"no test knows the condition {operator}"
        values = {self._value(value, branch, parameters) for value in given}
        return len(values) == 1

    def _value(self, text: str, branch: str, parameters: Mapping[str, str]) -> str:
        named = re.fullmatch(r"<< pipeline\.(git\.branch|parameters\.([\w-]+)) >>", text)
        if not named:
            return text
        if named[2]:
            return str(parameters.get(named[2], self.document["parameters"][named[2]]["default"]))
        return branch

    def steps(self, job: str, branch: str) -> Iterator[Any]:
        """Yield each step of a job on a branch, including those of the commands that it uses."""
        yield from self._flat(self.document["jobs"].get(job, {}).get("steps", ()), branch)

    def _flat(self, steps: Any, branch: str) -> Iterator[Any]:  # noqa: ANN401 - as YAML has it
        for step in steps:
            name = step if isinstance(step, str) else next(iter(step))
            if name in ("when", "unless"):
                if self._holds(step[name]["condition"], branch, {}) == (name == "when"):
                    yield from self._flat(step[name]["steps"], branch)
            elif name in self.document["commands"]:
                yield from self._flat(self.document["commands"][name]["steps"], branch)
            else:
                yield step

    def faults(self) -> list[str]:
        """The ways in which a branch, or anyone who can start a pipeline, could reach the deploy role."""
        return [*self._orders(), *self._caches(), *self._parameters(), *self._foreign()]

    def _orders(self) -> Iterator[str]:
        for run in (None, *self.document["parameters"].get("run", {}).get("enum", ())):
            given = {"run": run} if run else {}
            for branch in BRANCHES:
                jobs = self.jobs_on(branch, **given)
                approvals = {name for name, options in jobs.items() if options.get("type") == "approval"}
                for name, options in jobs.items():
                    if branch == MAIN and name not in approvals and not approvals & needs(jobs, name):
                        yield f"{name} runs on main before anybody approved"
                    if branch != MAIN and DEPLOY in _listed(options.get("context")):
                        yield f"{name} has the context for deploys on another branch"

    def _caches(self) -> Iterator[str]:
        for branch in BRANCHES:
            for name, options in self.jobs_on(branch).items():
                guarded = branch == MAIN or "context" in options
                for step in self.steps(name, branch) if guarded else ():
                    kind = step if isinstance(step, str) else next(iter(step))
                    if kind in _CACHES:
                        yield f"{name} uses what another branch may have written ({kind})"

    def _parameters(self) -> Iterator[str]:
        groups = [self.document.get("parameters", {})]
        groups += [part.get("parameters", {}) for kind in ("commands", "jobs") for part in self.document[kind].values()]
        for group in groups:
            for name, parameter in group.items():
                if parameter["type"] not in ("enum", "boolean", "integer"):
                    yield f"the parameter {name} may be any text"
        for kind in ("commands", "jobs"):
            for name, part in self.document[kind].items():
                if _SHELL_VALUE.search(json.dumps([step for step in part["steps"] if "run" in step])):
                    yield f"{name} puts a value into a shell that anyone who starts the pipeline can choose"

    def _foreign(self) -> Iterator[str]:
        for key in ("orbs", "setup"):
            if self.document.get(key):
                yield f"`{key}` runs code that isn't in this repository"


def needs(jobs: Mapping[str, Mapping[str, Any]], job: str) -> set[str]:
    """The jobs that must have succeeded before one starts."""
    direct = set(jobs[job].get("requires", []))
    return direct.union(*(needs(jobs, other) for other in direct)) if direct else direct


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - as YAML has it
    return value if isinstance(value, list) else [] if value is None else [value]
