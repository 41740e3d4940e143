"""What can be wrong with ratings: one record per cell or row, so that a check lists all and not the first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emoclip_clinic.errors import RatingsError

__all__ = ["ERROR_KINDS", "Problem", "ProblemKind", "raise_errors"]

ProblemKind = Literal[
    "non-numeric",
    "out-of-range",
    "wrong-step",
    "several-boxes",
    "ragged-row",
    "formula-not-computed",
    "identifier",
    "identifier-collision",
    "duplicate",
    "date-unreadable",
    "date-order",
    "sum-mismatch",
    "sum-over-missing",
    "rating-without-video",
    "video-without-rating",
    "absent-item",
    "declared-range",
    "incomplete-form",
    "rater-spelling",
]

# With one of these, a value or its owner is not known. The others are for a person to judge.
ERROR_KINDS: frozenset[ProblemKind] = frozenset(
    {
        "non-numeric",
        "out-of-range",
        "wrong-step",
        "several-boxes",
        "ragged-row",
        "formula-not-computed",
        "identifier",
        "identifier-collision",
        "duplicate",
        "date-unreadable",
    }
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with ratings.

    Parameters
    ----------
    kind : str
        What sort of problem it is.
    message : str
        The rule and how it is broken, as a sentence.
    file : Path
        The file.
    row : int or None
        Row in the file as an editor or a spreadsheet counts it (the header is row 1); None for a whole file.
    column : str or None
        Name of the column as the file writes it.
    value : str or None
        What stands in the cell.
    hint : str or None
        The likely cause, or what to do.
    """

    kind: ProblemKind
    message: str
    file: Path
    row: int | None = None
    column: str | None = None
    value: str | None = None
    hint: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether ratings with this problem cannot be used."""
        return self.kind in ERROR_KINDS

    def __str__(self) -> str:
        place = [str(self.file)]
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column}")
        text = f"{', '.join(place)}: {self.message}"
        if self.value is not None:
            text += f" Found: {self.value!r}."
        return f"{text} {self.hint}" if self.hint else text


def raise_errors(problems: Sequence[Problem], file: Path) -> None:
    """Raise one error that lists all problems with which ratings cannot be used.

    Parameters
    ----------
    problems : sequence of Problem
        What was found; problems for a person to judge do not raise.
    file : Path
        The file.

    Raises
    ------
    RatingsError
        If at least one problem is an error.
    """
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        listed = "".join(f"\n  {problem}" for problem in errors)
        raise RatingsError(
            "Every rating must be a number that its scale allows, for a known participant, session and rater",
            found=f"{len(errors)} problem{'s' if len(errors) != 1 else ''}{listed}\n",
            where=file,
            hint="Correct the file; `emoclip-clinic ratings check` lists the same problems again.",
        )
