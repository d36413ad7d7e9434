"""The gate: every pack of this project in one process, so that the engine loads one SDK and asks once.

A pack is a folder beside this one with a `PulumiPolicy.yaml`, whose package defines `RULES`. The gate serves every pack
that it finds. It doesn't start if one of them defines no rules, or if one that `config/packs.json` lists is missing.
Each pack can also be started by itself, for projects that want it alone.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Final

from policies.rulebook import BadConfiguration, Pack, Rule
from policies.rulebook.configuration import read

LIST: Final = "config/packs.json"
"""Lists the required packs: a JSON list of folder names. To leave a pack out, remove it there too."""


def packs(folder: Path, stack: str) -> list[Pack]:
    """Return the packs under a folder, in alphabetical order, as `config/<pack>.<stack>.json` configures them.

    Raises:
        BadConfiguration: the stack has no name, a pack is missing or defines no rules, a file isn't a valid
            configuration of its pack, or a file belongs to no pack.
    """
    if not stack:
        raise BadConfiguration("PULUMI_STACK is empty; the gate needs the stack's name to find the configuration")
    served = sorted(path.parent for path in folder.glob("*/PulumiPolicy.yaml"))
    if missing := _listed(folder / LIST) - {path.name for path in served}:
        raise BadConfiguration(
            f"{folder / LIST} lists {', '.join(sorted(missing))}, but there is no PulumiPolicy.yaml in "
            f"{folder / min(missing)}; accepted: a folder with one for each pack of the list"
        )
    folders = [path for path in served if path.name != "gate"]
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


def _listed(path: Path) -> set[str]:
    try:
        names = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadConfiguration(f"{path} can't be read as JSON: {error}") from None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadConfiguration(f"{path}: accepted: a list of the names of the packs' folders")
    return set(names)


def _rules(folder: Path) -> tuple[Rule, ...]:
    try:
        rules = tuple(import_module(f"policies.{folder.name}").RULES)
    except (ImportError, AttributeError) as error:
        raise BadConfiguration(f"{folder} defines no `RULES`, so the gate can't serve it: {error}") from None
    if not rules or not all(isinstance(rule, Rule) for rule in rules):
        raise BadConfiguration(
            f"the `RULES` of {folder} are empty or no rules; accepted: rules of the rulebook, one or more"
        )
    return rules
