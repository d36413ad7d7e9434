"""The page's data about an adoption, from the JSON report of `operations adopt`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from review.page.violation import violation
from stackfiles import text_file
from stackfiles.failures import BadConfiguration

_ACCEPTED: Final = "accepted: a file that `operations adopt --report FILE` or `--format json` wrote"


def read(file: Path) -> dict[str, Any]:
    """Return a report with its rows in the order of its verdicts: those that block come first.

    In a row, `secrets` has the paths of properties whose values aren't shown, `filledIn` those that the provider fills
    in by itself, and `changes` the others. Data that only an import or a take-over needs is left out.

    Raises:
        BadConfiguration: it isn't such a report.
    """
    try:
        found: Mapping[str, Any] = json.loads(text_file.read(file))
        verdicts: Mapping[str, bool] = found["verdicts"]
        order = list(verdicts)
        counts = Counter(row["verdict"] for row in found["rows"])
        rows = sorted(found["rows"], key=lambda row: (order.index(row["verdict"]), row["resource"]))
        return {
            "project": str(found["project"]),
            "stack": str(found["stack"]),
            "clean": bool(found["clean"]),
            "verdicts": [
                {"verdict": verdict, "stops": stops, "count": counts[verdict]}
                for verdict, stops in verdicts.items()
                if counts[verdict]
            ],
            "rows": [{**_row(row), "stops": verdicts[row["verdict"]]} for row in rows],
            "violations": [violation(said) for said in found["violations"]],
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        raise BadConfiguration(f"{file} isn't a report of an adoption; {_ACCEPTED}") from None


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    told = {kind: [one for one in row["changes"] if one["told"] == kind] for kind in ("values", "secret", "filled in")}
    return {
        "resource": row["resource"],
        "verdict": row["verdict"],
        "address": row["address"],
        "cause": row["cause"],
        "waysOut": list(row["ways_out"]),
        "secrets": [change["path"] for change in told["secret"]],
        "filledIn": [change["path"] for change in told["filled in"]],
        "changes": told["values"],
    }
