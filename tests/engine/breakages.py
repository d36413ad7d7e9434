"""Deliberate breakages of the program, each with the pack that has to stop it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROLE_POLICY: Final = "policy=identity_policy(args.statements),"


@dataclass(frozen=True)
class Breakage:
    """One text in a file of the program, what takes its place, and the pack that must object."""

    pack: str
    file: str
    old: str
    new: str

    def make(self, project: Path) -> None:
        """Break a copy of the project."""
        path = project / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.file} has {text.count(self.old)} times {self.old!r}"
        path.write_text(text.replace(self.old, self.new))


BREAKAGES: Final = {
    "a secret outside the environment": Breakage(
        "naming", "components/secret_containers.py", "name=secret.name(args.names),", 'name=f"shared/{secret.path}",'
    ),
    "a parameter without its first slash": Breakage(
        "naming", "components/parameters.py", "name=parameter.name(args.names),", "name=parameter.name(args.names)[1:],"
    ),
    "every action of IAM on everything": Breakage(
        "least_privilege",
        "components/guarded_role.py",
        ROLE_POLICY,
        'policy=identity_policy([*args.statements, Statement("All", ["iam:*"], ["*"])]),',
    ),
    "a document that isn't known at preview": Breakage(
        "least_privilege",
        "components/guarded_role.py",
        ROLE_POLICY,
        "policy=role.arn.apply(lambda _arn: identity_policy(args.statements)),",
    ),
    "a rule that lets in what lacks the header": Breakage(
        "entry_points", "components/guarded_application.py", "_header(HEADER, args.header_secrets),", ""
    ),
}
