"""GitHub's workflows are valid and pinned, have the jobs of CircleCI's pipeline, and the roles trust only them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import jsonschema
import pytest

from policies.inventory.agreement import __main__ as agreement
from policies.least_privilege import knowledge
from tests.circleci.test_pipeline import PIPELINE, STACK, jobs_on
from tests.circleci.workflows import FOLDER, ISSUER, REPOSITORY, Job, documents, jobs, token
from tests.planning import PROJECT, Plan, copy_project, plan_of, rehearse
from tests.session import shared

JOBS: Final = {(job.workflow, job.name): job for job in jobs()}
READS: Final = {"List", "Read"}


@pytest.fixture(scope="module")
def trusts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, list[dict[str, Any]]]:
    """Role -> the statements of its trust policy, in a stack that trusts both CIs; it passes the gate once agreed."""

    def make() -> str:
        folder = tmp_path_factory.mktemp("both")
        project = copy_project(folder)
        stack_file = project / f"Pulumi.{STACK}.yaml"
        stack_file.write_text(
            f"{stack_file.read_text()}  rocketclub-platform:ciIssuer: both\n"
            f"  rocketclub-platform:githubRepository: {REPOSITORY}\n"
        )
        before = rehearse(STACK, project, folder / "plan.json")
        assert {"inventory/pinned-ci", "inventory/pinned-role"} <= before.rules, before.printed
        with pytest.MonkeyPatch.context() as patch:
            where = ["--plan", str(folder / "plan.json"), "--project", str(project)]
            patch.setattr(sys, "argv", ["agreement", "write", "--yes", *where])
            assert agreement.main() == 0
        after = rehearse(STACK, project, folder / "agreed.json")
        assert (after.exit_code, after.violations) == (0, []), after.printed
        return json.dumps(_trusts(after))

    found: dict[str, list[dict[str, Any]]] = json.loads(shared("a stack that trusts both", make))
    return found


def _trusts(plan: Plan) -> dict[str, list[dict[str, Any]]]:
    return {
        role["name"].removeprefix(f"{STACK}-"): json.loads(role["assumeRolePolicy"])["Statement"]
        for role in plan.inputs("aws:iam/role:Role")
        if "Federated" in role["assumeRolePolicy"]
    }


def accepts(statements: list[dict[str, Any]], claims: Mapping[str, str]) -> bool:
    """Whether a trust policy accepts a token of GitHub's."""
    return any(
        statement["Principal"]["Federated"].endswith(f":oidc-provider/{ISSUER}")
        and all(
            any(
                fnmatchcase(claims[key.removeprefix(f"{ISSUER}:")], value)
                if operator == "StringLike"
                else claims[key.removeprefix(f"{ISSUER}:")] == value
                for value in (values if isinstance(values, list) else [values])
            )
            for operator, conditions in statement["Condition"].items()
            for key, values in conditions.items()
        )
        for statement in statements
    )


@pytest.mark.parametrize("workflow", documents())
def test_the_file_fits_its_published_schema(workflow: str) -> None:
    schema = json.loads((PROJECT / "tests" / "schemas" / "github-workflow.json").read_text())
    document = documents()[workflow]
    document["on"] = document.pop(True)  # type: ignore[call-overload]
    validator = jsonschema.Draft7Validator(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(document)] == []
    assert list(validator.iter_errors({**document, "jobs": {"test": {"steps": "none"}}}))


def test_every_action_is_pinned_by_commit_with_its_version() -> None:
    lines = [line for file in FOLDER.glob("*.yml") for line in file.read_text().splitlines() if "uses:" in line]
    assert len(lines) > 10
    assert [line for line in lines if not re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d", line)] == []


def test_triggers_give_a_branch_no_cache_or_credentials_of_main() -> None:
    assert {name: set(document[True]) for name, document in documents().items()} == {  # type: ignore[index]
        "main": {"push", "workflow_dispatch"},
        "pull-request": {"pull_request"},
        "scheduled": {"schedule"},
    }
    assert "cache" not in "".join(file.read_text() for file in FOLDER.glob("*.yml"))
    for job in JOBS.values():
        checkouts = [step for step in job.steps if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False], job.name


def test_a_job_has_only_the_permissions_that_it_needs() -> None:
    assert {str(document["permissions"]) for document in documents().values()} == {"{}"}
    for job in JOBS.values():
        wanted = {"contents": "read"}
        if job.role:
            wanted["id-token"] = "write"
        if job.name == "report":
            wanted |= {"pull-requests": "write", "security-events": "write"}
            assert any(step.get("with", {}).get("ref", "").endswith("base.sha }}") for step in job.steps)
        assert job.permissions == wanted, job.name


@pytest.mark.parametrize(
    "job", [job for job in JOBS.values() if job.role], ids=lambda job: f"{job.workflow}-{job.name}"
)
def test_a_job_with_the_preview_role_goes_on_only_if_previews_may_read_the_state(job: Job) -> None:
    if job.role == "ci-preview":
        (asked,) = [number for number, step in enumerate(job.steps) if ".ci/reads-state" in step.get("run", "")]
        later = [step.get("if", "") for step in job.steps[asked + 1 :]]
        assert all("steps.state.outputs.readable == 'true'" in condition for condition in later)


@pytest.mark.parametrize("job", [job for job in JOBS.values() if job.role], ids=str)
def test_each_job_may_assume_its_role_and_no_stronger_one(job: Job, trusts: Mapping[str, list[dict[str, Any]]]) -> None:
    assumable = {role for role, statements in trusts.items() if accepts(statements, job.token(STACK))}
    assert job.role in assumable
    # The second role is for workloads that the stack makes, and has the same trust (tests/workloads/test_ci.py).
    assert job.roles[1:] == (["ci-workloads"] if job.name == "apply" else [])
    assert assumable == ({"ci-deploy", "ci-deployer-trigger"} if job.name == "apply" else {"ci-preview"})


@pytest.mark.parametrize(
    "claims",
    [
        token("pull_request", "refs/pull/7/merge"),
        token("ref:refs/heads/main", "refs/heads/main"),
        token(f"environment:{STACK}", "refs/heads/a-feature"),
        token(f"environment:{STACK}", "refs/pull/7/merge"),
        token("environment:other", "refs/heads/main"),
        token(f"environment:{STACK}", "refs/heads/main", "somebody/other"),
        token(f"environment:{STACK}", "refs/heads/main", "other/platform"),
        {**token(f"environment:{STACK}", "refs/heads/main"), "aud": "https://github.com/somebody"},
    ],
    ids=lambda claims: f"{claims['sub']}-{claims['ref']}-{claims['aud']}",
)
def test_nothing_else_gets_the_deploy_role(
    claims: Mapping[str, str], trusts: Mapping[str, list[dict[str, Any]]]
) -> None:
    assert accepts(trusts["ci-deploy"], token(f"environment:{STACK}", "refs/heads/main"))
    assert not accepts(trusts["ci-deploy"], claims)


@pytest.mark.parametrize("branch", ["a-feature", "main"])
def test_the_jobs_match_those_of_circleci(branch: str) -> None:
    """On GitHub, the environment asks for the approval, and a separate job posts what the others found."""
    workflow = "main" if branch == "main" else "pull-request"
    own = {name for kind, name in JOBS if kind == workflow}
    assert own - {"report"} == jobs_on(branch).keys() - {"approve"}
    needed = {name: set(JOBS[workflow, name].definition.get("needs", ())) for name in own - {"report"}}
    others = {name: set(options.get("requires", ())) - {"approve"} for name, options in jobs_on(branch).items()}
    assert needed == {name: others[name] for name in needed}


def test_scheduled_jobs_match_those_of_circleci() -> None:
    scheduled = {**jobs_on("a-feature", run="daily"), **jobs_on("a-feature", run="nightly")}
    assert {name for kind, name in JOBS if kind == "scheduled"} == scheduled.keys()
    assert jobs_on("main", run="daily") == {}


def test_both_pipelines_run_the_same_commands() -> None:
    here: dict[str, set[str]] = {}
    for job in JOBS.values():
        here.setdefault(job.name, set()).update(filter(None, map(_project_command, job.commands)))
    for name, definition in PIPELINE["jobs"].items():
        steps = [step["run"] for step in definition["steps"] if isinstance(step, dict) and "run" in step]
        lines = [line for step in steps for line in step["command"].splitlines()]
        there = set(filter(None, map(_project_command, lines)))
        assert there - here[name] - here["report"] == set(), name


def _project_command(line: str) -> str:
    """The project's command in a line, with one notation for the stack; empty if it runs nothing of the project."""
    line = line.strip().replace("<< pipeline.parameters.stack >>", '"$STACK"')
    line = re.sub(r"(\.ci/post-report \w+) \S+", r"\1", line)
    line = re.sub(r"^(\.ci/(?:reads-state|makes-workloads) [^ ;]+).*", r"\1", line)
    return line if re.match(r"\.venv/bin/python -m|make |\.ci/(?!role|install)", line) else ""


def test_nothing_on_a_schedule_can_change_anything() -> None:
    scheduled = [job for (kind, _), job in JOBS.items() if kind == "scheduled"]
    lines = [line for job in scheduled for line in job.commands]
    for name in jobs_on("a-feature", run="daily").keys() | jobs_on("a-feature", run="nightly").keys():
        steps = PIPELINE["jobs"][name]["steps"]
        lines += [step["run"]["command"] for step in steps if isinstance(step, dict) and "run" in step]
        roles = {step["assume"]["role"] for step in steps if isinstance(step, dict) and "assume" in step}
        assert roles <= {"ci-preview"}
    assert {job.role for job in scheduled} == {"", "ci-preview"}
    called = {
        words for line in lines for words in re.findall(r"-m operations ([a-z-]+(?: refresh --preview-only)?)", line)
    }
    assert called == {"deploy refresh --preview-only", "waivers", "verify-login"}


def test_jobs_of_a_branch_without_approval_can_only_read() -> None:
    """Contexts and roles of jobs that run for any branch: no action of the role changes anything."""
    every = [jobs_on("a-feature", run=run) for run in PIPELINE["parameters"]["run"]["enum"]]
    contexts = {context for found in every for options in found.values() for context in _listed(options.get("context"))}
    assert contexts == {"platform-preview", "platform-report"}
    plan = plan_of(STACK)
    role = f"{STACK}-ci-preview"
    attachments = plan.inputs("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    attached = [one["policyArn"] for one in attachments if one["role"] == role]
    policies = [one["policy"] for one in plan.inputs("aws:iam/rolePolicy:RolePolicy") if one["role"] == role]
    for policy in plan.inputs("aws:iam/policy:Policy"):
        policies += [policy["policy"]] * any(arn.endswith(f"/{policy['name']}") for arn in attached)
    assert len(policies) == 2
    for statement in (one for policy in policies for one in json.loads(policy)["Statement"]):
        for action in _listed(statement["Action"]):
            service, mask = knowledge.lookup(action.lower())
            assert service is not None, action
            assert mask, action
            assert not mask & ~(service.levels["Read"] | service.levels["List"]), action


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - as YAML or JSON has it
    return value if isinstance(value, list) else [] if value is None else [value]
