"""Labels in place of identifiers: the same person has the same label in every report of a study.

The labels are drawn at random, because labels in the order of the identifiers would give them away. The table
that joins the two stays outside the reports.
"""

import html
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emoclip_clinic.errors import FormatError, ReportError
from emoclip_clinic.study.files import read_tsv, write_tsv

__all__ = ["Masks", "read_masks"]

_COLUMNS = ("kind", "original", "label")
_PREFIXES = {"participant": "P", "session": "S", "rater": "R"}
_LEAST_TOKEN = 3


@dataclass(frozen=True)
class Masks:
    """Labels by kind and original.

    Attributes
    ----------
    path : Path
        Table in which they are kept.
    labels : dict of (str, str) to str
        Kind and original to label.
    """

    path: Path
    labels: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, kind: str, originals: Iterable[str]) -> dict[str, str]:
        """Give the labels of some originals, and make those that are not there yet.

        Parameters
        ----------
        kind : {"participant", "session", "rater"}
            Kind of the identifiers.
        originals : iterable of str
            The identifiers.

        Returns
        -------
        dict of str to str
            Original to label, such as ``P007``. Sessions keep their order, all others have none.
        """
        wanted = sorted(set(originals))
        new = [one for one in wanted if (kind, one) not in self.labels]
        taken = [int(label[1:]) for (known, _), label in self.labels.items() if known == kind]
        numbers = list(range(max(taken, default=0) + 1, max(taken, default=0) + 1 + len(new)))
        if kind != "session":
            secrets.SystemRandom().shuffle(numbers)
        for original, number in zip(new, numbers, strict=True):
            self.labels[kind, original] = f"{_PREFIXES[kind]}{number:03d}"
        return {one: self.labels[kind, one] for one in wanted}

    def save(self) -> None:
        """Write the table, so that the next report has the same labels."""
        rows = [
            {"kind": kind, "original": original, "label": label}
            for (kind, original), label in sorted(self.labels.items(), key=lambda one: (one[0][0], one[1]))
        ]
        write_tsv(self.path, rows, columns=_COLUMNS)

    def hide(self, text: str) -> str:
        """Put labels in place of the identifiers that stand in a text.

        Originals that are short, mere numbers or plain words in small letters are not looked for: they would
        be found in every text.
        """
        by_original = {original: label for (_, original), label in self.labels.items()}
        pattern = self._pattern()
        return text if pattern is None else pattern.sub(lambda found: by_original[found.group()], text)

    def check(self, texts: Mapping[str, str]) -> None:
        """Refuse texts in which an identifier is left.

        Parameters
        ----------
        texts : mapping of str to str
            Name of each output to its text.

        Raises
        ------
        ReportError
            If an identifier stands in an output; see `hide` for which are looked for.
        """
        pattern = self._pattern()
        for name, text in texts.items():
            forms = (text, html.unescape(text), text.replace("\\", ""))
            if pattern is not None and any(pattern.search(form) for form in forms):
                raise ReportError(
                    "With --mask-ids no output may hold an identifier",
                    found="an identifier",
                    where=name,
                    hint="Nothing was written. It may stand in the [study] table; else please report this.",
                )

    def _pattern(self) -> re.Pattern[str] | None:
        tokens = {
            original
            for _, original in self.labels
            if len(original) >= _LEAST_TOKEN
            and not original.isdecimal()
            and not (original.isalpha() and original.islower())
        }
        if not tokens:
            return None
        longest_first = "|".join(re.escape(one) for one in sorted(tokens, key=len, reverse=True))
        return re.compile(rf"(?<![^\W_])(?:{longest_first})(?![^\W_])")


def read_masks(path: Path) -> Masks:
    """Read the table of labels of a study.

    Parameters
    ----------
    path : Path
        The table; it may be absent.

    Returns
    -------
    Masks
        Its labels.

    Raises
    ------
    FormatError
        If it is no such table.
    """
    if not path.exists():
        return Masks(path)
    table = read_tsv(path)
    labels = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        kind, original, label = (row.get(name) for name in _COLUMNS)
        if kind not in _PREFIXES or original is None or not re.fullmatch(r"[PSR]\d+", label or ""):
            raise FormatError(
                f"The table of masks must have the columns {', '.join(_COLUMNS)}",
                found=f"line {line}",
                where=path,
                hint="Restore it, or move it away: the next report draws new labels.",
            )
        labels[kind, original] = label or ""
    return Masks(path, labels)
