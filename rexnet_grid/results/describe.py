"""The tables of a run in words: the part of ``docs/results.md`` that is made from the schema."""

from __future__ import annotations

from rexnet_grid.results.schema import TABLES


def schema_page() -> str:
    """Return a Markdown section for every long table: name, unit and meaning of each column."""
    sections = []
    for table in TABLES.values():
        rows = [f"| `{c.name}` | {c.type} | {c.unit} | {c.description} |" for c in table.columns]
        head = ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        sections.append("\n".join([f"### `{table.name}`", "", f"One row: {table.description}.", "", *head, *rows]))
    return "\n\n".join(sections) + "\n"
