"""The manifest of a data set: which clips there are, what their captions say, and where they are from.

One row is one clip with one caption or several. Rows that name the same part of the same file are one clip
too, whose captions are put together, so that a table with one row per caption can be used as it is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emoclip_clinic.errors import PretrainingError
from emoclip_clinic.pretraining.data.manifest_rows import (
    ManifestProblem,
    ManifestRow,
    read_cells,
    read_rows,
)
from emoclip_clinic.pretraining.data.stores import names_a_side

__all__ = ["Manifest", "ManifestClip", "ManifestProblem", "read_manifest"]

_SHOWN = 50


@dataclass(frozen=True)
class ManifestClip:
    """One clip of a manifest.

    Attributes
    ----------
    id : str
        Unique name: the manifest's own, or the path as written, with the part of the file that is meant.
    path : Path
        A video file or a folder of pictures.
    captions : tuple of str
        Texts that describe the clip, in the order of the manifest.
    labels : tuple of str
        Classes; several for a compound.
    source : str
        Participant or film; the clip itself where the manifest does not say.
    split : str or None
        Part of the data set.
    start_s, end_s : float or None
        Part of the file in seconds.
    names_side : bool
        Whether captions name a side: by the manifest's column, else by the words left and right.
    cropped : bool
        Whether the pictures are face crops already.
    rows : tuple of int
        Rows of the manifest as an editor counts them; the header is row 1.
    """

    id: str
    path: Path
    captions: tuple[str, ...]
    labels: tuple[str, ...]
    source: str
    split: str | None
    start_s: float | None
    end_s: float | None
    names_side: bool
    cropped: bool
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Manifest:
    """A manifest as read and checked.

    Attributes
    ----------
    path : Path
        The file.
    clips : tuple of ManifestClip
        In the order of the file.
    problems : tuple of ManifestProblem
        What is wrong; rows with an error are not among the clips.
    n_rows : int
        Rows of the file below the header.
    has_sources : bool
        Whether the manifest says where clips are from.
    """

    path: Path
    clips: tuple[ManifestClip, ...]
    problems: tuple[ManifestProblem, ...]
    n_rows: int
    has_sources: bool

    @property
    def errors(self) -> tuple[ManifestProblem, ...]:
        """Problems for which a row cannot be used."""
        return tuple(problem for problem in self.problems if problem.is_error)

    def check(self) -> None:
        """Raise one error that lists every bad row.

        Raises
        ------
        PretrainingError
            If there is a row that cannot be used, or no clip at all.
        """
        if self.errors:
            more = len(self.errors) - _SHOWN
            listed = [str(problem) for problem in self.errors[:_SHOWN]]
            raise PretrainingError(
                "Every row of a manifest must name a file that is there, and say in text what it shows",
                found=[*listed, *([f"and {more} more"] if more > 0 else [])],
                where=self.path,
                hint="Correct these rows, or leave them out with --skip-bad-rows.",
            )
        if not self.clips:
            raise PretrainingError("A manifest must have at least one clip", found="no row", where=self.path)


def read_manifest(path: Path | str, *, root: Path | str | None = None) -> Manifest:
    """Read and check a manifest.

    Columns, in any order; capital letters do not matter:

    ======================= ========================================================================
    ``path``                needed: video file or folder of pictures, relative to `root`
    ``caption``             text; further ones in ``caption_2``, ``caption_3`` ...; in Parquet also a list
    ``label`` or ``labels`` class; several separated by ``;``, in Parquet also a list
    ``source``              participant or film; also ``participant_id``
    ``split``               such as ``train``, ``validation``, ``test`` or the number of a fold
    ``start_s``, ``end_s``  part of the file in seconds
    ``names_side``          whether captions name a side (true or false); by default looked for in them
    ``cropped``             whether the pictures are face crops already (true or false); default false
    ``id``                  unique name; by default the path with the part
    ======================= ========================================================================

    A clip needs a caption or a label. Other columns are left alone.

    Parameters
    ----------
    path : Path or str
        A Parquet file (``.parquet``), comma-separated values (``.csv``) or tab-separated values (``.tsv``),
        text in UTF-8.
    root : Path or str, optional
        Folder to which paths are relative; by default that of the manifest.

    Returns
    -------
    Manifest
        Clips and problems; call its `check` to refuse bad rows.

    Raises
    ------
    PretrainingError
        If the file is absent or not readable, or has no column ``path``, or neither captions nor labels.
    """
    path = Path(path)
    cells = read_cells(path)
    rows, problems = read_rows(cells, root=Path(root) if root is not None else path.parent)
    clips, clashes = _joined(rows, path)
    problems = sorted([*problems, *clashes], key=lambda problem: problem.row)
    bad = {problem.row for problem in problems if problem.is_error}
    return Manifest(
        path=path,
        clips=tuple(clip for clip in clips if bad.isdisjoint(clip.rows)),
        problems=tuple(problems),
        n_rows=len(cells.rows),
        has_sources=any(row.source is not None for row in rows),
    )


def _joined(rows: Sequence[ManifestRow], path: Path) -> tuple[list[ManifestClip], list[ManifestProblem]]:
    """Put rows of the same clip together, and complain where they contradict each other."""
    same: dict[tuple[Path, float | None, float | None], list[ManifestRow]] = defaultdict(list)
    for row in rows:
        same[row.path, row.start_s, row.end_s].append(row)
    clips: list[ManifestClip] = []
    problems: list[ManifestProblem] = []
    taken: dict[str, int] = {}
    for group in same.values():
        first = group[0]
        n_problems = len(problems)
        for row in group[1:]:
            for column in ("source", "split", "labels", "id", "cropped"):
                if getattr(row, column) != getattr(first, column):
                    problems.append(
                        ManifestProblem(
                            path,
                            row.number,
                            column,
                            _text(getattr(row, column)),
                            f"Rows of the same clip must agree; row {first.number} has "
                            f"{_text(getattr(first, column)) or 'nothing'}.",
                        )
                    )
        if len(problems) > n_problems:  # which row is right is not known, so that the clip cannot be used
            others = ", ".join(dict.fromkeys(str(problem.row) for problem in problems[n_problems:]))
            problems.append(
                ManifestProblem(
                    path, first.number, None, first.path_as_written, f"Contradicted by row {others}."
                )
            )
        clip = _clip(group)
        if clip.id in taken:
            problems.append(
                ManifestProblem(
                    path,
                    first.number,
                    "id",
                    clip.id,
                    f"Names of clips must differ; row {taken[clip.id]} has the same.",
                )
            )
        taken.setdefault(clip.id, first.number)
        clips.append(clip)
    return clips, problems


def _clip(group: Sequence[ManifestRow]) -> ManifestClip:
    first = group[0]
    captions = tuple(dict.fromkeys(caption for row in group for caption in row.captions))
    said = [row.names_side for row in group if row.names_side is not None]
    part = "" if first.start_s is None and first.end_s is None else f"#{_s(first.start_s)}-{_s(first.end_s)}"
    name = first.id or f"{first.path_as_written}{part}"
    return ManifestClip(
        id=name,
        path=first.path,
        captions=captions,
        labels=first.labels,
        source=first.source or name,
        split=first.split,
        start_s=first.start_s,
        end_s=first.end_s,
        names_side=any(said) if said else names_a_side(captions),
        cropped=bool(first.cropped),
        rows=tuple(row.number for row in group),
    )


def _s(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:g}"


def _text(value: object) -> str | None:
    if value is None or value == ():
        return None
    return ";".join(value) if isinstance(value, tuple) else str(value)
