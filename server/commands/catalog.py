"""`bailian-mcp catalog check, format, list`: what is wrong with a catalog file, in words."""

import sys
from pathlib import Path

from ..catalog.check import check, read_catalog, reformat
from ..catalog.file import CATALOG, BadCatalog


def main(action: str, path: Path | None) -> int:
    """The command: 0 when all is well, 1 with findings on stdout."""
    path = path or CATALOG
    try:
        if action == "list":
            sys.stdout.write(listing(path))
            return 0
        if action == "format":
            reformat(path)
    except BadCatalog as error:
        sys.stdout.write("\n".join([*error.findings, "The file was not touched."]) + "\n")
        return 1
    except OSError as error:
        sys.stdout.write(f"{path.name} cannot be written ({error.strerror}).\n")
        return 1
    found = check(path)
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    findings = f"{len(found)} finding{'s' if len(found) > 1 else ''}."
    sys.stdout.write(f"{findings}\n" if found else f"{path.name}: {_summary(path)}\n")
    return 1 if found else 0


def listing(path: Path) -> str:
    """Each model on a line: id, status, last day, successor, and how many claims of the founding documents it keeps."""
    _, catalog = read_catalog(path)
    rows = [
        (m.id, m.lifecycle.status, str(m.lifecycle.retired_on or ""), m.lifecycle.successor or "", str(len(m.claims)))
        for m in catalog.models
    ]
    return "".join("\t".join(row) + "\n" for row in [("model", "status", "retires", "successor", "claims"), *rows])


def _summary(path: Path) -> str:
    _, catalog = read_catalog(path)
    states = [model.lifecycle.status for model in catalog.models]
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    prices = sum(len(model.prices) for model in catalog.models)
    return f"{len(states)} models ({counts}), {prices} prices, as of {catalog.as_of}; nothing to mend."
