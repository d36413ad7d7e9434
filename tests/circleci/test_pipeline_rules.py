"""Changes to the pipeline file that would give a branch, or a job before the approval, the deploy role are refused."""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml

from corpus.families import read
from tests.circleci.pipeline_rules import Pipeline
from tests.circleci.test_pipeline import CONFIG

BEFORE: Final = "runs on main before anybody approved"
TAKEN: Final = "uses what another branch may have written"

# Change -> (old text, new text, message).
CHANGES: Final = {
    # Caches, which a branch can write.
    "cache-on-main": (
        "          condition:\n            not:\n              equal",
        "          condition:\n              equal",
        TAKEN,
    ),
    "cache-in-a-job-with-a-context": (
        "  preview:\n    executor: python\n    steps:\n      - set-up:",
        "  preview:\n    executor: python\n    steps:\n      - set-up-from-cache:",
        f"preview {TAKEN} (restore_cache)",
    ),
    "cache-of-its-own-in-a-deploy": (
        "      - assume:\n          role: ci-deploy",
        "      - restore_cache:\n          keys: [cli]\n      - assume:\n          role: ci-deploy",
        f"apply {TAKEN} (restore_cache)",
    ),
    "cache-of-its-own-in-a-preview": (
        "      - assume:\n          role: ci-preview",
        "      - restore_cache:\n          keys: [cli]\n      - assume:\n          role: ci-preview",
        f"preview {TAKEN} (restore_cache)",
    ),
    "cache-in-a-command-of-a-deploy": (
        "      - run:\n          name: Install the Pulumi CLI",
        "      - restore_cache:\n          keys: [cli]\n      - run:\n          name: Install the Pulumi CLI",
        f"apply {TAKEN} (restore_cache)",
    ),
    "workspace-of-another-job": (
        "      - assume:\n          role: ci-deploy",
        "      - attach_workspace:\n          at: .\n      - assume:\n          role: ci-deploy",
        f"apply {TAKEN} (attach_workspace)",
    ),
    # Parameters that reach a shell.
    "parameter-of-any-text": (
        "  stack:\n    type: enum",
        "  stack:\n    type: string",
        "the parameter stack may be any text",
    ),
    "new-parameter-of-any-text": (
        "parameters:\n  stack:",
        'parameters:\n  options:\n    type: string\n    default: ""\n  stack:',
        "the parameter options may be any text",
    ),
    "parameter-of-a-command": (
        "        type: enum\n        enum: [ci-preview, ci-deploy, ci-workloads]",
        "        type: string",
        "the parameter role may be any text",
    ),
    "branch-in-a-shell": (
        "command: make test",
        "command: make test BRANCH=<< pipeline.git.branch >>",
        "test puts a value into a shell",
    ),
    "message-in-a-shell": (
        ".ci/judge-with-base report",
        ".ci/judge-with-base << pipeline.trigger_parameters.gitlab.commit_message >>",
        "base-verdict puts a value into a shell",
    ),
    # Tokens before the approval.
    "tests-before-the-approval": ("      - test:\n          requires: [approve]", "      - test", f"test {BEFORE}"),
    "gate-before-the-approval": ("      - gate:\n          requires: [approve]", "      - gate", f"gate {BEFORE}"),
    "deploy-without-an-approval": ("          requires: [test, gate]\n", "", f"apply {BEFORE}"),
    "approval-that-is-none": ("      - approve:\n          type: approval", "      - approve", f"test {BEFORE}"),
    "nightly-on-main": (
        "        - equal: [nightly, << pipeline.parameters.run >>]\n        - not:\n            equal: [main",
        "        - equal: [nightly, << pipeline.parameters.run >>]\n        - equal: [main",
        f"properties {BEFORE}",
    ),
    "deploy-context-on-every-branch": (
        "          context: [platform-preview, platform-report]",
        "          context: [platform-preview, platform-deploy]",
        "preview has the context for deploys on another branch",
    ),
    # Code from elsewhere.
    "orb": ("version: 2.1", "version: 2.1\norbs:\n  aws: circleci/aws-cli@5.1.1", "`orbs` runs code"),
    "setup-workflow": ("version: 2.1", "version: 2.1\nsetup: true", "`setup` runs code"),
}


def changed(old: str, new: str) -> dict[str, Any]:
    text = CONFIG.read_text()
    assert text.count(old) >= 1, old
    read: dict[str, Any] = yaml.load(text.replace(old, new), yaml.CSafeLoader)
    return read


def test_the_pipeline_has_no_fault() -> None:
    assert Pipeline(read(CONFIG)).faults() == []


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_pipeline_is_refused(name: str) -> None:
    old, new, said = CHANGES[name]
    found = Pipeline(changed(old, new)).faults()
    assert any(said in fault for fault in found), found
