"""From sections to one self-contained HTML file: styles and script inside, every text escaped, no address."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from emoclip_clinic import __version__
from emoclip_clinic.errors import ReportError
from emoclip_clinic.reporting.figures.style import STYLE_SHEET
from emoclip_clinic.reporting.page.blocks import Drawing, Section

__all__ = ["LARGEST_PAGE_BYTES", "Link", "render", "standalone_svg"]

LARGEST_PAGE_BYTES = 5_000_000
"""A page is mailed and archived; one that is larger is refused."""

_NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
_DECLARATION = re.compile(r"^\s*(<\?xml[^>]*\?>\s*)?(<!DOCTYPE[^>]*>\s*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """A link to a file beside the page."""

    href: str
    text: str


def render(
    sections: Sequence[Section],
    *,
    title: str,
    kind: str,
    subtitle: str,
    footer: str = "",
    links: Sequence[Link] = (),
) -> str:
    """Compose the page.

    Parameters
    ----------
    sections : sequence of Section
        In the order in which a reader asks.
    title, kind, subtitle : str
        Heading of the page, what kind of page it is, and what stands below the heading.
    footer : str
        A sentence at the end.
    links : sequence of Link
        Files beside the page.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    ReportError
        If the page is larger than :data:`LARGEST_PAGE_BYTES`.
    """
    script = _source("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            sections=sections,
            title=title,
            kind=kind,
            subtitle=subtitle,
            footer=footer,
            links=links,
            version=__version__,
            style=Markup(_source("page.css") + STYLE_SHEET),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            script_sha256=digest,
        )
    )
    text = re.sub(r"\n(?:[ \t]*\n)+", "\n", page).lstrip()
    size = len(text.encode())
    if size > LARGEST_PAGE_BYTES:
        raise ReportError(
            "A page must be smaller than 5 MB",
            found=f"{size / 1e6:.1f} MB",
            hint="Report fewer items at once: fit them as several fits with --items and --name.",
        )
    return text


def standalone_svg(drawing: Drawing) -> str:
    """Return a figure as a file of its own.

    Parameters
    ----------
    drawing : Drawing
        The figure.

    Returns
    -------
    str
        SVG with its namespace and an XML declaration.
    """
    svg = _DECLARATION.sub("", drawing.svg)
    if "xmlns=" not in svg[: svg.index(">")]:
        svg = svg.replace("<svg", f"<svg {_NAMESPACE}", 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{svg}\n'


def _inline(drawing: Drawing) -> Markup:
    """A figure inside the page, where HTML gives the namespace and no address is needed."""
    svg = _DECLARATION.sub("", drawing.svg).replace(f" {_NAMESPACE}", "", 1)
    return Markup(svg)  # noqa: S704 - figures escape what they write


@cache
def _environment() -> Environment:
    names = ("page.html.jinja", "blocks.html.jinja")
    environment = Environment(
        loader=DictLoader({name: _source(name) for name in names}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    globals_: Mapping[str, object] = {"drawn": _inline}
    environment.globals.update(globals_)
    return environment


def _source(name: str) -> str:
    return (files("emoclip_clinic.reporting.page") / "templates" / name).read_text(encoding="utf-8")
