"""A zone whose records, rules and settings real Terraform creates, with either generation of Cloudflare's provider.

    python -m tests.operations.adopt.terraform_zone

creates both zones and writes their states into `zone`. It needs `terraform` on the path and both generations of
`cloudflare/cloudflare`, where it also looks for the AWS provider (see tests/policies/acceptance/terraform.py).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.operations.adopt.terraform_estate import Workspace
from tests.operations.adopt.zone_double import ServedZone, ZoneDouble, serving_zone

CODE: Final = Path(__file__).with_name("zone")
GENERATIONS: Final = ("v4", "v5")
DOMAIN: Final = "example.com"
TOKEN: Final = "0123456789" * 4
"""As long as the providers require."""


@contextmanager
def made(generation: str, folder: Path) -> Iterator[tuple[Workspace, ServedZone]]:
    """Let Terraform create a zone's resources."""
    with serving_zone(ZoneDouble(DOMAIN), folder) as served:
        code = folder / "code"
        code.mkdir()
        shutil.copy(CODE / f"{generation}.tf", code / "main.tf")
        environment = {"SSL_CERT_FILE": str(served.authority), "CLOUDFLARE_API_TOKEN": TOKEN}
        workspace = Workspace(code, {"address": served.address}, environment)
        workspace.apply()
        yield workspace, served


def main() -> None:
    """Create both zones and write their states."""
    for generation in GENERATIONS:
        with tempfile.TemporaryDirectory() as folder, made(generation, Path(folder)) as (workspace, _):
            state = json.loads(workspace.state())
            lines = ",\n".join(json.dumps(resource) for resource in state.pop("resources"))
            (CODE / f"{generation}.json").write_text(f'{json.dumps(state)[:-1]}, "resources": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
