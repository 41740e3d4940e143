"""participants.tsv: what a study knows of its participants."""

from pathlib import Path
from typing import TYPE_CHECKING

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import read_tsv
from emoclip_clinic.study.identifiers import clean_label
from emoclip_clinic.study.layout import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_participants"]


def read_participants(study: Study | Path | str) -> "pd.DataFrame":
    """Read the table of participants.

    Parameters
    ----------
    study : Study, Path or str
        The study.

    Returns
    -------
    pandas.DataFrame
        One row per participant in the order of the file. ``participant_id`` is ``sub-<label>``,
        ``participant_original`` what the file says. Columns of numbers are numbers, unless one has a
        leading zero (``007``), as codes have; all others are text. ``n/a`` and empty cells are missing.

    Raises
    ------
    StudyError
        If the table is absent, has no column participant_id, or an identifier is missing, not usable or
        repeated. All bad rows are reported together.
    """
    import pandas as pd

    path = Study.of(study).participants_tsv
    if not path.exists():
        raise StudyError(
            "The study must have a table of participants",
            found="no file",
            where=path,
            hint="Write one with a column participant_id, and age, sex, group, site, ... as you have them.",
        )
    table = read_tsv(path)
    if "participant_id" not in table.columns:
        raise StudyError(
            "The table must have a column participant_id", found=", ".join(table.columns), where=path
        )
    labels: list[str] = []
    first_line: dict[str, tuple[int, str]] = {}
    problems: list[str] = []
    for line, row in zip(table.lines, table.rows, strict=True):
        original = row["participant_id"]
        if original is None:
            problems.append(f"line {line}: participant_id is missing")
            continue
        try:
            label = clean_label(original, kind="participant")
        except StudyError as error:
            problems.append(f"line {line}: {error.rule} (found: {error.found})")
            continue
        labels.append(f"sub-{label}")
        before, written = first_line.setdefault(label.casefold(), (line, original))
        if before != line:
            problems.append(
                f"line {line}: {original!r} is the same file name as {written!r} in line {before}"
            )
    if problems:
        raise StudyError(
            "Every row must name a participant of its own",
            found=problems,
            where=path,
            hint="Correct these lines; the header is line 1.",
        )
    frame = pd.DataFrame(list(table.rows), columns=list(table.columns))
    values = {
        name: _typed(frame[name])
        for name in table.columns
        if name not in ("participant_id", "participant_original")
    }
    return pd.DataFrame({"participant_id": labels, "participant_original": frame["participant_id"], **values})


def _typed(column: "pd.Series[str]") -> "pd.Series[float] | pd.Series[str]":
    import pandas as pd

    present = column.dropna()
    codes = present.str.match(r"[+-]?0[0-9]").any() if len(present) else True
    numbers = pd.to_numeric(column, errors="coerce")
    return column if codes or numbers.notna().sum() < len(present) else numbers
