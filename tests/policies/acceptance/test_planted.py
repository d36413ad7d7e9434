"""The planted faults: each is stopped by a rule of the pack, and its accepted twin passes."""

from __future__ import annotations

import pytest

from tests.policies.acceptance.planted import faults, resources
from tests.policies.analyzer import Judge, Planned, StartPack, Violation


@pytest.fixture(scope="module")
def judge(pack: StartPack) -> Judge:
    return pack("acceptance")


def found(judge: Judge, type_: str, inputs: dict[str, object]) -> list[Violation]:
    resource = Planned(type_, inputs)
    whole = judge.stack_of([resource]) if "rolePolicy:" in type_ else []
    return [*judge.resource(type_, inputs), *whole]


def test_there_is_a_fault_for_every_valid_resource() -> None:
    assert len(faults()) >= 80
    assert {fault.type for fault in faults()} == set(resources())


def test_valid_resources_pass(judge: Judge) -> None:
    assert [violation for type_, inputs in resources().items() for violation in found(judge, type_, inputs)] == []


def test_every_fault_is_stopped(judge: Judge) -> None:
    missed = [str(fault) for fault in faults() if not found(judge, fault.type, fault.refused)]
    assert missed == []


def test_every_violation_names_the_place_and_stops_the_deploy(judge: Judge) -> None:
    for fault in faults():
        violations = found(judge, fault.type, fault.refused)
        assert {violation.level for violation in violations} == {"mandatory"}, str(fault)
        steps = set(fault.path.split("."))
        told = " ".join(violation.message for violation in violations)
        assert any(step in told for step in steps if not step.isdecimal()), f"{fault}: {told}"


def test_every_twin_passes(judge: Judge) -> None:
    stopped = {str(fault): found(judge, fault.type, fault.twin) for fault in faults()}
    assert {name: violations for name, violations in stopped.items() if violations} == {}
