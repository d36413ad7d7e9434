"""Create `.venv` from a lock file, unless it is up to date already: `python3 set_up.py run|develop`.

`run` installs the packages for previews and deploys (`requirements.lock`), `develop` adds those for tests and
generators (`requirements-develop.lock`). A stamp in `.venv` has the checksums of the lock files, so neither a fresh
checkout nor a restored cache installs anything again. It is written last, so a set-up that broke off starts over.

This file imports only the standard library and parses on any Python 3, so that an old Python can say that it is too
old.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
VENV = PROJECT / ".venv"
STAMP = VENV / ".set-up"
LOCKS = {"run": "requirements.lock", "develop": "requirements-develop.lock"}
UV_LOCK = "requirements-uv.lock"
OLDEST = (3, 11)


def main() -> int:
    """Set up the packages that the command line names, and return the exit code."""
    parser = argparse.ArgumentParser(prog="set_up.py", description=__doc__.partition("\n\n")[0])
    parser.add_argument("packages", choices=LOCKS, help="run: preview and deploy; develop: tests and generators too")
    wanted = parser.parse_args().packages
    if sys.version_info < OLDEST:
        given = ".".join(map(str, sys.version_info[:3]))
        print(
            "Python 3.11 or newer is needed; this is " + given + ". Choose another one with make PYTHON=...",
            file=sys.stderr,
        )
        return 2
    if wanted in installed():
        return 0
    if "develop" in noted():
        wanted = "develop"  # Keep the development packages when a lock file has changed.
    print(f"Setting up .venv from {LOCKS[wanted]}", file=sys.stderr)
    try:
        install(wanted)
    except subprocess.CalledProcessError as failure:
        print(f"error: `{' '.join(map(str, failure.cmd[:4]))} ...` ended with {failure.returncode}", file=sys.stderr)
        return 1
    return 0


def installed() -> "set[str]":
    """Return the sets that `.venv` holds in the version of the current lock files. `develop` includes `run`."""
    found = {name for name, line in noted().items() if line == line_of(name)}
    return found | {"run"} if "develop" in found else found


def noted() -> "dict[str, str]":
    """Return the sets that were installed in a usable `.venv`, from its stamp: name -> line."""
    if not STAMP.is_file() or not (VENV / "bin" / "python").exists():
        return {}
    return {line.partition(" ")[0]: line for line in STAMP.read_text(encoding="utf-8").splitlines()}


def line_of(name: str) -> str:
    """Return a set's line in the stamp: its name, this Python's version, the lock file's checksum."""
    version = "{}.{}".format(*sys.version_info[:2])
    return f"{name} {version} {hashlib.sha256((PROJECT / LOCKS[name]).read_bytes()).hexdigest()}"


def install(name: str) -> None:
    """Install a set: into the existing environment if it holds the other set, else into a new one.

    Raises:
        subprocess.CalledProcessError: a command failed; its output says why.
    """
    kept = installed()
    STAMP.unlink(missing_ok=True)
    if not kept:
        shutil.rmtree(VENV, ignore_errors=True)
    python = VENV / "bin" / "python"
    uv = shutil.which("uv", path=os.pathsep.join([os.environ.get("PATH", ""), str(python.parent)]))
    if uv is None:
        run(sys.executable, "-m", "venv", VENV)
        run(python, "-m", "pip", "install", *_QUIETLY, "--require-hashes", "--requirement", PROJECT / UV_LOCK)
        uv = str(python.parent / "uv")
    elif not kept:
        run(uv, "venv", "--quiet", "--python", sys.executable, VENV)
    run(uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--requirement", PROJECT / LOCKS[name])
    STAMP.write_text("".join(f"{line_of(one)}\n" for one in sorted(kept | {name})), encoding="utf-8")


_QUIETLY = ("--quiet", "--disable-pip-version-check")


def run(*command: "str | Path") -> None:
    """Run a command and show its output."""
    subprocess.run(command, check=True)  # noqa: S603 - this project's own commands


if __name__ == "__main__":
    sys.exit(main())
