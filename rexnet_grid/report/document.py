"""A page: sections of text and drawn figures in one HTML file that opens offline."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rexnet_grid.errors import OutputError
from rexnet_grid.report.section import Section, escape
from rexnet_grid.results.parts import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

_ASSETS = Path(__file__).resolve().parent / "assets"
_SCRIPTS = ("base.js", "plots.js", "map.js", "book.js", "start.js")
# Nothing may be fetched, whatever a name in a file tries.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


def document(title: str, eyebrow: str, head: str, sections: Sequence[Section]) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    title
        Its heading; escaped here.
    eyebrow
        The small line above the heading; escaped here.
    head
        HTML between heading and contents; everything from files in it is escaped already.
    sections
        What it shows, in order.
    """
    heading = escape(title)
    figures = {section.key: section.figure for section in sections if section.figure is not None}
    links = "".join(f'<a href="#{section.key}">{escape(section.title)}</a>' for section in sections)
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{heading}</title><style>{_asset('report.css')}</style></head><body>",
            f'<header><p class="eyebrow">{escape(eyebrow)}</p><h1>{heading}</h1>',
            f"{head}<nav>{links}</nav></header><main>",
            "".join(_card(section) for section in sections),
            "</main><footer>Made by rexnet_grid. Everything shown is inside this file.</footer>",
            f'<script type="application/json" id="figures">{_json(figures)}</script>',
            f"<script>{_plotly()}</script>",
            f"<script>{_for_script(''.join(_asset(name) for name in _SCRIPTS))}</script></body></html>\n",
        ]
    )


def write_document(path: Path, text: str) -> None:
    """Write a page.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error


def _card(section: Section) -> str:
    width = " half" if section.half else ""
    figure = f'<div class="plate" data-figure="{section.key}"></div>' if section.figure is not None else ""
    return (
        f'<section id="{section.key}" class="card{width}"><h2>{escape(section.title)}</h2>'
        f'<p class="see">{section.sentence}</p>{figure}{section.body}</section>'
    )


def _json(content: object) -> str:
    """Return JSON that cannot end the script element it stands in."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _for_script(text: str) -> str:
    """Return source that cannot end the script element it stands in."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _plotly() -> str:
    """Return the source of plotly.js from the installed package, without paying for the package's import."""
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise OutputError("plotly is not installed; the report needs it")
    return _for_script((Path(spec.origin).parent / "package_data" / "plotly.min.js").read_text(encoding="utf-8"))
