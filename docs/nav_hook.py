"""Complete the navigation: every decision is listed, and a page that is planned but not written is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Give mkdocs the navigation of the pages that are there."""
    folder = Path(config["docs_dir"])
    decisions = [path.relative_to(folder).as_posix() for path in sorted(folder.glob("decisions/*.md"))]
    config["nav"] = _present(config["nav"], folder, decisions)
    return config


def _present(entries: list[dict[str, Any]], folder: Path, decisions: list[str]) -> list[dict[str, Any]]:
    kept = []
    for entry in entries:
        ((title, target),) = entry.items()
        if target == "decisions":
            kept.append({title: decisions})
        elif isinstance(target, list):
            kept.append({title: _present(target, folder, decisions)})
        elif (folder / target).is_file():
            kept.append(entry)
    return [entry for entry in kept if all(entry.values())]
