"""SDKs on demand have the same classes as the plain packages, and load few of their modules.

These tests fail if a release of an SDK lays out its packages in another way. Loading the plain packages takes seconds,
so that part runs at night, and when somebody takes a new release (CONTRIBUTING.md).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import pytest

from components import sdk_on_demand
from tests.planning import PROJECT
from tests.sdk_names import sdk_names

RARE: Final = "cloudflare.AwaitableGetZoneResult"
"""A name that doesn't tell which module it is in."""


def describe(output: str) -> None:
    """Write what the SDKs' names stand for in this process, and how much of the SDKs is loaded by then."""
    import pulumi_aws as aws
    import pulumi_cloudflare as cloudflare
    from pulumi import _types
    from pulumi.runtime import rpc

    from rehearsal.engine.computed import attributes

    packages = {"aws": aws, "cloudflare": cloudflare}

    def origin(name: str) -> str:
        sdk, _, rest = name.partition(".")
        found = attrgetter(rest)(packages[sdk])
        return f"{found.__module__}.{found.__qualname__}"

    def types(name: str) -> dict[str, str]:
        sdk, _, rest = name.partition(".")
        found = attrgetter(rest)(packages[sdk])
        return {key: str(hint) for key, hint in _types._types_from_py_properties(found).items()}

    description: dict[str, Any] = {"names": {name: origin(name) for name in sdk_names()}}
    description |= {"types": {name: types(name) for name in sdk_names() if "get_" not in name}}
    loaded = Counter(name.rpartition(".")[0] for name in sys.modules if name.startswith("pulumi_"))
    description |= {
        "loaded": loaded,
        "made": sum(
            isinstance(value, type)
            for name, module in list(sys.modules.items())
            if name.startswith("pulumi_cloudflare.") and name.endswith((".outputs", "._inputs"))
            for value in vars(module).values()
        ),
        "rare": origin(RARE),
        "missing": hasattr(cloudflare, "NoSuchResource"),
        "registered": sorted(rpc._RESOURCE_MODULES),
        "computed": {type_: sorted(attributes(type_)) for type_ in ("cloudflare:index/zone:Zone", "aws:ec2/vpc:Vpc")},
    }
    Path(output).write_text(json.dumps(description))


def described(output: Path, first: str) -> dict[str, Any]:
    """Describe a new process that imports the components, as the program does, and then runs `first`."""
    code = f"import components, sys; {first}\nfrom {__name__} import describe; describe({str(output)!r})"
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True)
    description: dict[str, Any] = json.loads(output.read_text())
    return description


@pytest.fixture(scope="module")
def on_demand(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description of a process that loads the SDKs as the program does."""
    return described(tmp_path_factory.mktemp("sdks") / "on-demand.json", "")


@pytest.mark.nightly
def test_the_names_are_those_of_the_plain_packages(on_demand: dict[str, Any], tmp_path: Path) -> None:
    plain = described(tmp_path / "plain.json", "sys.meta_path.pop(0)")
    assert plain["loaded"]["pulumi_cloudflare"] > 500
    assert on_demand["made"] < plain["made"]
    assert {**on_demand, "loaded": None, "made": None} == {**plain, "loaded": None, "made": None}
    assert not plain["missing"]
    assert all(plain["computed"].values())


def test_few_modules_are_loaded_and_few_classes_made(on_demand: dict[str, Any]) -> None:
    """Names tell their module. A release that names modules in another way still works, but takes seconds longer."""
    loaded = on_demand["loaded"]
    assert loaded["pulumi_cloudflare"] < 15
    assert on_demand["made"] < 100
    assert {package: count for package, count in loaded.items() if package.count(".") == 1 and count > 25} == {}


def test_a_module_with_another_layout_is_loaded_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "outputs.py"
    file.write_text('__all__ = ["Door"]\n\nclass Door:\n    pass\n\nclass _Hinge:\n    pass\n')
    loader = sdk_on_demand._ClassesLoader("outputs", str(file))
    module = module_from_spec(ModuleSpec("outputs", loader))
    loader.exec_module(module)
    assert module.__all__ == ["Door"]
    assert {"Door", "_Hinge"} <= vars(module).keys()
