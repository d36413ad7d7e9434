"""What the whole suite shares."""

from __future__ import annotations

import hypothesis

# How long an example takes is the machine's business; benchmarks measure.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
