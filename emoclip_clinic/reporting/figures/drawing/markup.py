"""Text and numbers as they may stand in an SVG file."""

import re
import unicodedata
from html import escape

__all__ = ["attribute", "clean", "content", "identifier", "px"]

# Characters that XML 1.0 forbids, and the ones that turn the direction of the text around them.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_SPACES = re.compile(r"\s+")


def clean(text: object) -> str:
    """Put text on one line and replace what XML forbids or what would reorder its neighbours."""
    return _SPACES.sub(" ", _FORBIDDEN.sub("\ufffd", str(text))).strip()


def content(text: object) -> str:
    """Escape text that stands between two tags."""
    return escape(clean(text), quote=False)


def attribute(text: object) -> str:
    """Escape text that stands in an attribute."""
    return escape(clean(text), quote=True)


def px(value: float) -> str:
    """Write a coordinate with one decimal and nothing to spare: 12.30 as 12.3, 12.04 as 12."""
    text = f"{value:.1f}"
    text = text[:-2] if text.endswith(".0") else text
    return "0" if text == "-0" else text


def identifier(text: object) -> str:
    """Turn any text into an id of letters, digits and hyphens; different texts stay different.

    Parameters
    ----------
    text : object
        An item's identifier or any name that a user gave a column.

    Returns
    -------
    str
        Starts with a letter. A text that is not already of this form, underscores aside, ends in eight digits
        that follow from all of it, so that ``a b`` and ``a/b`` do not meet. Case does not tell names apart on
        every file system, so capitals count as not of this form.
    """
    original = str(text)
    if re.fullmatch(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", original):
        return original
    plain = unicodedata.normalize("NFKD", original).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "x"
    stem = stem if stem[0].isalpha() else f"x-{stem}"
    return f"{stem}-{_digest(original)}"


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
