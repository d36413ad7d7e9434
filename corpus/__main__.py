"""`python -m corpus`: lists the labelled documents that the least-privilege pack has to block but lets pass.

It prints a JSON object: key of the document -> why it deserves to be blocked. In a folder with this `corpus` and
the `policies` of another copy of the project, it lists what those let pass.
"""

from __future__ import annotations

import argparse
import json

from corpus import pack
from corpus.labelled import independent, own


def main() -> None:
    """Judge all documents and print those that pass."""
    argparse.ArgumentParser(prog="python -m corpus", description=__doc__.partition("\n\n")[2]).parse_args()
    judge = pack.load()
    blocked = [one for one in (*own(), *independent()) if one.label == "block" and not one.deviation]
    print(json.dumps({one.key: one.reason for one in blocked if not pack.judged(judge, one)}, indent=2))


if __name__ == "__main__":
    main()
