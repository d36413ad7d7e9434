"""One rehearsal of one stack: packs, program, verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rehearsal import analyzers, program, project
from rehearsal.failures import BadConfiguration, Failure
from rehearsal.plan import Plan


def _nothing() -> None:
    """Do nothing."""


def rehearse(
    folder: Path,
    plan: Plan,
    packs: Sequence[tuple[Path, Path | None]],
    pack_timeout: float,
    *,
    ready: Callable[[], None] = _nothing,
    planned: Callable[[], None] = _nothing,
) -> Failure | None:
    """Plan a stack of the project in a folder and have it judged; the plan given says which, and takes the result.

    What ends it early is returned, with the plan as far as it got. `packs` are their folders and configuration files;
    `ready` is called before the program runs, `planned` before the stack as a whole is judged.
    """
    failure: Failure | None = None
    try:
        settings = project.load(folder, plan.stack)
        plan.project = settings.name
        plan.config = dict(sorted({**settings.config, **dict.fromkeys(settings.secret_keys, "[secret]")}.items()))
        with analyzers.launch(settings, plan, packs, pack_timeout) as judges:
            try:
                judges.configure()
                ready()
                program.run(settings, plan, judges)
            except Failure as error:
                failure = error
            # The Pulumi CLI would have refused first; the program's own list of problems says more.
            if settings.problems and not isinstance(failure, BadConfiguration):
                failure = BadConfiguration("\n".join(settings.problems))
            planned()
            judges.verdict(complete=failure is None)
    except Failure as error:
        failure = failure or error
    return failure
