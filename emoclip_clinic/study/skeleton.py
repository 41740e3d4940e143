"""The files with which a study begins: tables with their headers, folders, a settings file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import write_bytes, write_tsv
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.recordings_table import RECORDINGS_COLUMNS

if TYPE_CHECKING:
    from emoclip_clinic.study.scales import Scale

__all__ = ["PARTICIPANT_COLUMNS", "Skeleton", "write_skeleton"]

PARTICIPANT_COLUMNS: Mapping[str, str] = {
    "participant_id": "The person rated, as sub-01.",
    "age": "In years.",
    "sex": "F, M or O, as BIDS has it.",
    "group": "Diagnostic group, such as patient and control.",
    "site": "Where the interview was filmed.",
}
"""Columns with which ``participants.tsv`` begins; only ``participant_id`` is needed."""


@dataclass(frozen=True)
class Skeleton:
    """What was written, and what was there before.

    Attributes
    ----------
    study : Study
        The study.
    written, kept : tuple of Path
        New files and folders, and those that were left as they are.
    """

    study: Study
    written: tuple[Path, ...]
    kept: tuple[Path, ...]


def write_skeleton(folder: Path, scales: "Sequence[Scale]", *, config: str) -> Skeleton:
    """Write an empty study; nothing that is there is changed.

    Parameters
    ----------
    folder : Path
        Folder of the study; made if absent.
    scales : sequence of Scale
        Scales of which a table of ratings is begun.
    config : str
        Content of ``emoclip-clinic.toml``.

    Returns
    -------
    Skeleton
        What was done.

    Raises
    ------
    StudyError
        If the folder cannot be made.
    """
    from emoclip_clinic.study.ratings import ratings_path, write_empty_ratings

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            "The study's folder must be writable", found=error.strerror or str(error), where=folder
        ) from error
    study = Study(folder)
    written: list[Path] = []
    kept: list[Path] = []

    def note(path: Path) -> bool:
        (kept if path.exists() else written).append(path)
        return path not in kept

    for path in (study.root / "interviews", study.phenotype):
        if note(path):
            path.mkdir()
    if note(study.participants_tsv):
        write_tsv(study.participants_tsv, [], columns=list(PARTICIPANT_COLUMNS))
    if note(study.recordings_tsv):
        write_tsv(study.recordings_tsv, [], columns=list(RECORDINGS_COLUMNS))
    for scale in scales:
        if note(ratings_path(study, scale)):
            write_empty_ratings(study, scale)
    if note(study.config_toml):
        write_bytes(study.config_toml, config.encode())
    return Skeleton(study, tuple(written), tuple(kept))
