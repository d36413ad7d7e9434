"""One rehearsal of one stack: packs, program, verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rehearsal.engine import processes, program
from rehearsal.engine.plan import Plan, visible_steps
from stackfiles import project
from stackfiles.failures import BadConfiguration, Failure
from stackfiles.plan_document import SECRET


def rehearse(
    folder: Path,
    stack: str,
    packs: Sequence[tuple[Path, Path | None]],
    pack_timeout: float,
    *,
    ready: Callable[[project.Project, Sequence[processes.Process]], None] = lambda *_: None,
    planned: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Plan a stack of the project in a folder, let the packs judge it, and return the plan with their verdict.

    Args:
        folder: The project's folder.
        stack: The stack's name.
        packs: Folder of each pack, and its configuration file or None.
        pack_timeout: Seconds for a pack to start, and for each of its answers.
        ready: Called once before the program runs, with the project as this stack configures it and the packs'
            processes.
        planned: Called with the number of resources before the stack as a whole is judged.
    """
    try:
        settings = project.load(folder, stack)
    except Failure as error:
        return Plan(folder.name, stack, failure=error)
    with processes.launch(settings, packs, pack_timeout) as started:
        # Loads the SDK, while the packs load theirs. This has to happen in the main thread before the program runs: a
        # second thread that imports it at the same time as the program is a race.
        from rehearsal.engine.analyzers import Analyzers

        judges = Analyzers(settings, started)
        ready(settings, started)
        run = program.run(settings, judges)
        failure = run.failure
        # The Pulumi CLI would report these problems first, but the program's own list says more.
        if settings.problems and not isinstance(failure, BadConfiguration):
            failure = BadConfiguration("\n".join(settings.problems))
        planned(len(visible_steps(run.steps)))
        verdict = judges.verdict(complete=failure is None)
    return Plan(
        settings.name,
        stack,
        dict(sorted({**settings.config, **dict.fromkeys(settings.secret_keys, SECRET)}.items())),
        run.steps,
        run.diagnostics,
        verdict.violations,
        verdict.remediations,
        verdict.packs,
        verdict.enforcement,
        failure or verdict.failure,
    )
