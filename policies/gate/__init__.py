"""The gate: every pack of this project in one process, so that the engine loads one SDK and asks once.

A pack is a folder beside this one that has a `PulumiPolicy.yaml`; its package gives `RULES`. None can be left out:
the gate serves all that it finds, and doesn't start where one of them isn't such a package. Each pack also starts by
itself, for projects that want it alone.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from policies.rulebook import BadConfiguration, Pack, Rule
from policies.rulebook.configuration import read


def packs(folder: Path, stack: str) -> list[Pack]:
    """Return the packs under a folder, in alphabetical order, as `config/<pack>.<stack>.json` configures them.

    Raises:
        BadConfiguration: the stack has no name, a pack gives no rules, a file isn't what its pack takes, or a file
            belongs to no pack.
    """
    if not stack:
        raise BadConfiguration("PULUMI_STACK is empty; the gate needs the stack's name to find the configuration")
    folders = sorted(path.parent for path in folder.glob("*/PulumiPolicy.yaml") if path.parent.name != "gate")
    files = {path.name.removesuffix(f".{stack}.json"): path for path in folder.glob(f"config/*.{stack}.json")}
    if strange := sorted(files.keys() - {path.name for path in folders}):
        raise BadConfiguration(
            f"{files[strange[0]]} configures no pack; accepted before `.{stack}.json`: "
            f"{', '.join(path.name for path in folders)}"
        )
    found = []
    for path in folders:
        rules = _rules(path)
        config = read(files[path.name], rules) if path.name in files else {}
        found.append(Pack(path.name.replace("_", "-"), rules, config))
    return found


def _rules(folder: Path) -> tuple[Rule, ...]:
    try:
        rules = tuple(import_module(f"policies.{folder.name}").RULES)
    except (ImportError, AttributeError) as error:
        raise BadConfiguration(f"{folder} gives no `RULES`, so the gate can't serve it: {error}") from None
    if not rules or not all(isinstance(rule, Rule) for rule in rules):
        raise BadConfiguration(f"the `RULES` of {folder} are none; accepted: rules of the rulebook, one or more")
    return rules
