"""Many threads ask at once which properties a resource type computes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.planning import PROJECT

THREADS = 32
TYPES = ("aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "aws:lb/listener:Listener")


def ask() -> None:
    """Load only an SDK's outermost package, then let all threads ask for one type after the other."""
    import pulumi_aws  # noqa: F401

    from rehearsal.engine.computed import attributes

    together = Barrier(THREADS)

    def ask_together(_: int) -> list[bool]:
        return [bool(together.wait() >= 0 and attributes(type_)) for type_ in TYPES]

    with ThreadPoolExecutor(THREADS) as threads:
        answers = [answer for thread in threads.map(ask_together, range(THREADS)) for answer in thread]
    sys.exit(f"{answers.count(False)} of {len(answers)} answers are empty" if not all(answers) else 0)


@pytest.mark.process
def test_threads_that_ask_while_an_sdk_is_loading_all_get_an_answer() -> None:
    code = f"from {__name__} import ask; ask()"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
