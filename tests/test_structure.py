"""The structure of the code: imports go one way, a module has one name, files and functions stay small."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import runpy
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Final

import grpc
import pytest

from tests.forked_modules import forget_own_modules
from tests.forks import PROJECT, forked
from tests.owner import owned
from tests.session import shared

FILE_LINES: Final = 400
FUNCTION_LINES: Final = 60

PACKS: Final = sorted(f"policies/{file.parent.name}" for file in (PROJECT / "policies").glob("*/PulumiPolicy.yaml"))

_JUDGES: Final = ("policies/rulebook", *PACKS, "policies/check", "policies")
_CODE: Final = ("components", *_JUDGES, "stackfiles", "rehearsal", "review", "operations")

AREAS: Final[dict[str, tuple[str, ...]]] = {
    "components": (),
    "__main__.py": ("components",),
    "set_up.py": (),
    "policies/rulebook": (),
    # A pack can be copied out with the rulebook, and with nothing else.
    **dict.fromkeys(PACKS, ("policies/rulebook",)),
    "policies/check": ("policies/rulebook", "policies/least_privilege"),
    "policies": ("policies/rulebook", "policies/check"),
    "stackfiles": (),
    "rehearsal": ("stackfiles",),
    "review": ("policies/rulebook", *PACKS, "stackfiles", "rehearsal"),
    "operations": ("components", "stackfiles", "rehearsal"),
    "generators": ("components", "policies/rulebook", *PACKS, "stackfiles", "rehearsal", "review"),
    "corpus": ("policies/rulebook", "policies/least_privilege"),
    "tests": (*_CODE, "generators", "corpus"),
    "benchmarks": (*_CODE, "corpus", "tests"),
}
"""Folder (or file) -> the areas that it may import. Each names only areas above it."""

LAYERS: Final[dict[str, str]] = {
    "policies/least_privilege": "language knowledge meaning faults stack access rules .",
    "policies/check": "bad_input.py yaml_text.py source.py template_values.py unknowns.py policy_documents.py "
    "pulumi_plans.py terraform_plans.py cloudformation.py kinds.py verdict.py output.py command.py .",
    "rehearsal": "__init__.py engine reports base_verdict .",
    "operations": ". checks init adopt park preflight.py commands __main__.py",
}
"""Area -> its folders and files; each may import only itself and those before it. `.` is everything not listed."""

COMMANDS: Final = (
    "rehearsal",
    "rehearsal.watch",
    "rehearsal.pull_request",
    "rehearsal.base_verdict",
    "rehearsal.comment",
    "review",
    "operations",
    "policies",
    "policies.least_privilege.access",
    "policies.least_privilege.knowledge",
)
"""The modules that people start with `python -m`. Each must know `--help`, or this test would do its real work."""

PATH_EDITS: Final = {"rehearsal/engine/program.py", "tests/forked_modules.py"}
"""Files that edit `sys.path`, besides those that the engine starts: the doubles of the language host and of
`python -m`, which do that too."""


ASIDE: Final = {"build", "node_modules", "__pycache__"}


@dataclass(frozen=True)
class Source:
    """Facts about a Python file that the tests use; `imports` are project files, `functions` have name and lines."""

    lines: int
    functions: list[tuple[str, int]]
    imports: list[str]
    edits_path: bool


@cache
def sources() -> dict[Path, Source]:
    """Every Python file of the project, by its path from the project's folder; read once in a session."""

    def make() -> str:
        found = {}
        for folder, folders, files in os.walk(PROJECT):
            folders[:] = [name for name in folders if name not in ASIDE and not name.startswith(".")]
            for file in (Path(folder, name) for name in files if name.endswith(".py")):
                found[str(file.relative_to(PROJECT))] = asdict(read(file.read_text()))
        return json.dumps(found)

    return {Path(file): Source(**one) for file, one in json.loads(shared("sources", make)).items()}


def read(text: str) -> Source:
    """Read the text of a file."""
    tree = ast.parse(text)
    found = list(statements(tree))
    functions = [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in found
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    imports = [str(file) for file in imported(found)]
    edits = "sys.path" in text and any(_edits_path(node) for node in ast.walk(tree))
    return Source(len(text.splitlines()), functions, imports, edits)


def statements(node: ast.AST) -> Iterator[ast.stmt]:
    """Yield the statements in a node, nested ones too; expressions are skipped, as they contain no statements."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        below = getattr(node, block, ())
        for one in below if isinstance(below, list) else ():
            if isinstance(one, ast.stmt):
                yield one
            yield from statements(one)


def imported(nodes: Sequence[ast.stmt]) -> Iterator[Path]:
    """Yield the project's files that a file imports."""
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for parts in (name.split(".") for name in names):
            # The last part may be a name in a module.
            for path in (Path(*parts), Path(*parts[:-1])):
                if path.parts and (file := _file(path)):
                    yield file
                    break


@cache
def _file(module: Path) -> Path | None:
    return next((one for one in (module.with_suffix(".py"), module / "__init__.py") if (PROJECT / one).exists()), None)


def area(file: Path) -> str:
    return next((str(path) for path in (file, *file.parents) if str(path) in AREAS), "")


def layer(file: Path) -> int:
    """The position of a file among the layers of its area."""
    layers = LAYERS.get(area(file), ".").split()
    inside = file.relative_to(area(file)) if area(file) in LAYERS else file
    return layers.index(inside.parts[0] if inside.parts[0] in layers else ".")


def test_imports_go_one_way_between_areas() -> None:
    for number, (name, others) in enumerate(AREAS.items()):
        assert set(others) <= set(list(AREAS)[:number]), f"{name} may only name areas above it"
    wrong = {
        f"{file} imports {target}"
        for file, source in sources().items()
        for target in map(Path, source.imports)
        if area(target) not in {area(file), *AREAS.get(area(file), ())}
    }
    assert not wrong, sorted(wrong)


def test_imports_go_one_way_between_the_folders_of_an_area() -> None:
    wrong = {
        f"{file} imports {target}"
        for file, source in sources().items()
        for target in map(Path, source.imports)
        if area(file) == area(target) and layer(file) < layer(target)
    }
    assert not wrong, sorted(wrong)


def test_every_folder_is_listed_in_an_area() -> None:
    """A folder that isn't listed isn't checked above, and a listed folder that is missing checks nothing."""
    assert {str(file) for file in sources() if not area(file)} == set()
    listed = {*AREAS, *(f"{name}/{inner}" for name, layers in LAYERS.items() for inner in layers.split())}
    assert {path for path in listed if not (PROJECT / path).exists()} == set()
    folders = {
        f"{name}/{file.relative_to(name).parts[0]}"
        for name in LAYERS
        for file in sources()
        if area(file) == name and len(file.relative_to(name).parts) > 1
    }
    assert folders <= listed


def test_no_module_is_loaded_under_two_names() -> None:
    done = forked(_print_names, owned(), environment={"PULUMI_STACK": "prod"})
    assert done.code == 0, done.err
    assert json.loads(done.out) == {str(start): {} for start in (*COMMANDS, *PACKS)}


def _print_names(project: Path) -> int:
    """Start each command and each pack of a project with `--help`; after each, print the files with several names."""
    forget_own_modules()
    sys.argv[1:] = ["--help"]
    # When a pack creates its server, all its modules are loaded; the process ends there instead of serving.
    vars(grpc)["server"] = lambda *_, **__: sys.exit()
    print(json.dumps({start: _names_after(project, start) for start in (*COMMANDS, *PACKS)}))
    return 0


def _names_after(project: Path, start: str) -> dict[str, list[str]]:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
        if start in PACKS:
            runpy.run_path(str(project / start), run_name="__main__")
        else:
            vars(runpy)["_run_module_as_main"](start)  # what `python -m` does
    names: dict[str, list[str]] = {}
    for module, name in {module: name for name, module in sys.modules.items()}.items():
        file = vars(module).get("__file__") or ""
        if file.startswith((f"{PROJECT}{os.sep}", f"{project}{os.sep}")) and "site-packages" not in file:
            names.setdefault(str(Path(file).resolve()), []).append(name)
    return {file: found for file, found in names.items() if len(found) > 1}


def test_a_test_that_starts_no_process_is_in_the_fast_tier(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("process") is None


def test_files_and_functions_stay_small() -> None:
    files = [(str(file), source.lines) for file, source in sources().items()]
    functions = [(f"{file}: {name}", lines) for file, source in sources().items() for name, lines in source.functions]
    assert [(name, lines) for name, lines in files if lines > FILE_LINES] == []
    assert [(name, lines) for name, lines in functions if lines > FUNCTION_LINES] == []


def test_only_what_the_engine_starts_edits_the_path() -> None:
    edits = {
        str(file)
        for file, source in sources().items()
        if source.edits_path and not (PROJECT / file).with_name("PulumiPolicy.yaml").exists()
    }
    assert edits == PATH_EDITS


def _edits_path(node: ast.AST) -> bool:
    """Tell whether a node calls a method of `sys.path` or assigns to it or to an item of it."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        targets = [node.func.value]
    return any(ast.unparse(target).startswith("sys.path") for target in targets)
