"""Layouts of the files in which approved orders leave.

Belongs here: the generic layout, and finding a firm's own among its files. Does not belong here:
what a layout may ask for and how it is written (python_steps.orders).
"""

from __future__ import annotations

from pathlib import Path

_GENERIC = Path(__file__).parent / "orders" / "generic.yaml"


def order_layout_text(custodian: str, own_layouts: Path) -> tuple[str, str]:
    """Name and text of the layout for a custodian: the firm's own for it, else the generic one.

    Args:
        custodian: as the feeds name it.
        own_layouts: folder with `<CUSTODIAN>.yaml`; it need not exist.
    """
    own = own_layouts / f"{custodian}.yaml"
    path = own if own.is_file() else _GENERIC
    return path.name, path.read_text(encoding="utf-8")
