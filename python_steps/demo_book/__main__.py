"""Writes a demo landing folder: python -m python_steps.demo_book --out DIR.

Belongs here: the arguments of that command and the writing of files. Does not belong here: any
content.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

from python_steps.demo_book.book import DEMO_HOUSEHOLDS, DEMO_SEED, DEMO_SESSION, demo_files


def main() -> None:
    """Write the files and say how many."""
    parser = argparse.ArgumentParser(prog="python -m python_steps.demo_book", description=__doc__)
    parser.add_argument("--households", type=int, default=DEMO_HOUSEHOLDS)
    parser.add_argument("--seed", type=int, default=DEMO_SEED)
    parser.add_argument(
        "--sessions", type=date.fromisoformat, nargs="+", default=[DEMO_SESSION], metavar="DATE"
    )
    parser.add_argument("--out", type=Path, required=True, help="landing folder to write into")
    arguments = parser.parse_args()
    count = size = 0
    for path, content in demo_files(
        households=arguments.households, seed=arguments.seed, sessions=arguments.sessions
    ):
        target = arguments.out / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        count += 1
        size += len(content)
    print(f"{count} files, {size / 1e6:.1f} MB in {arguments.out}")


if __name__ == "__main__":
    main()
