"""The page about results says what the schema says."""

from __future__ import annotations

from rexnet_grid.results.describe import schema_page


def test_docs_page_is_up_to_date(root):
    page = (root / "docs" / "results.md").read_text(encoding="utf-8")
    assert page.endswith(schema_page()), "make the end of docs/results.md anew with schema_page()"
