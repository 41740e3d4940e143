"""Where a study's files are: one frozen record that turns a study and a recording into paths."""

import os
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Protocol

from emoclip_clinic.errors import StudyError

__all__ = ["Named", "Study"]


class Named(Protocol):
    """What this module needs to know of a recording."""

    @property
    def participant_id(self) -> str:
        """Whose recording it is."""

    @property
    def session_id(self) -> str | None:
        """Of which session."""

    @property
    def key(self) -> str:
        """Name of its files."""


@dataclass(frozen=True)
class Study:
    """A study's folder and the places in it.

    Parameters
    ----------
    root : Path
        The working folder, made absolute. It must exist; nothing else needs to.

    Raises
    ------
    StudyError
        If `root` is no folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> Study(Path(".")).status_tsv.name
    'status.tsv'
    """

    root: Path

    def __post_init__(self) -> None:
        # absolute without resolving links: people recognise the path that they typed
        object.__setattr__(self, "root", Path(os.path.abspath(Path(self.root).expanduser())))
        if not self.root.is_dir():
            raise StudyError(
                "The study must be an existing folder",
                found="a file" if self.root.exists() else "nothing there",
                where=self.root,
                hint="Give the folder with --study.",
            )

    @classmethod
    def of(cls, study: "Study | Path | str") -> "Study":
        """Return the study itself, or the study at a path.

        Parameters
        ----------
        study : Study, Path or str
            The study or its folder.

        Returns
        -------
        Study
            The study.

        Raises
        ------
        StudyError
            If the path is no folder.
        """
        return study if isinstance(study, Study) else cls(Path(study))

    # what people write

    @property
    def participants_tsv(self) -> Path:
        """Table of participants: age, sex, group, site, ..."""
        return self.root / "participants.tsv"

    @property
    def recordings_tsv(self) -> Path:
        """Table that says which video belongs to whom."""
        return self.root / "recordings.tsv"

    @property
    def tracks_tsv(self) -> Path:
        """Table of subject tracks chosen by hand."""
        return self.root / "tracks.tsv"

    @property
    def config_toml(self) -> Path:
        """The user's settings, read by default."""
        return self.root / "emoclip-clinic.toml"

    @property
    def protocols(self) -> Path:
        """The study's own scales and recipes; they win over those of the package."""
        return self.root / "protocols"

    @property
    def phenotype(self) -> Path:
        """Folder of the clinicians' ratings."""
        return self.root / "phenotype"

    # what we write

    @property
    def derivatives(self) -> Path:
        """Folder of everything that is written."""
        return self.root / "derivatives" / "emoclip-clinic"

    @property
    def dataset_description_json(self) -> Path:
        """BIDS description of the derivatives."""
        return self.derivatives / "dataset_description.json"

    @property
    def settings_toml(self) -> Path:
        """Effective settings of the last extract."""
        return self.derivatives / "settings.toml"

    @property
    def identifiers_tsv(self) -> Path:
        """Table of original identifiers and the labels that stand for them."""
        return self.derivatives / "identifiers.tsv"

    @property
    def status_tsv(self) -> Path:
        """One row per recording, derived from the sidecars."""
        return self.derivatives / "status.tsv"

    @property
    def logs(self) -> Path:
        """Folder of log files, one per run."""
        return self.derivatives / "logs"

    @property
    def fits(self) -> Path:
        """Folder of fitted models and their predictions."""
        return self.derivatives / "fits"

    @property
    def readings(self) -> Path:
        """Folder of zero-shot readings per session, one table per set of class descriptions."""
        return self.derivatives / "zeroshot"

    @property
    def reports(self) -> Path:
        """Folder of reports."""
        return self.derivatives / "reports"

    def report_work(self, fit: str) -> Path:
        """Return the folder of finished numbers of a report; not among the reports, which are passed on."""
        return self.derivatives / "work" / "reports" / fit

    @property
    def masks_tsv(self) -> Path:
        """Table of identifiers and the labels that stand for them in masked reports; not to be passed on."""
        return self.derivatives / "masks.tsv"

    def report_page(self, fit: str) -> Path:
        """Return the page of a fit's report, ``reports/panss.html``; ``index.html`` lists all reports."""
        return self.reports / ("index-fit.html" if fit.casefold() == "index" else f"{fit}.html")

    def folder(self, recording: Named) -> Path:
        """Return the folder of a recording's results, ``derivatives/emoclip-clinic/sub-01/ses-1/beh``.

        Parameters
        ----------
        recording : Recording
            The recording.

        Returns
        -------
        Path
            The folder, which may not exist yet.
        """
        folder = self.derivatives / recording.participant_id
        if recording.session_id is not None:
            folder /= recording.session_id
        return folder / "beh"

    def frames_path(self, recording: Named) -> Path:
        """Return the path of the frame table."""
        return self.folder(recording) / f"{recording.key}_desc-frames_emoclip.parquet"

    def segments_path(self, recording: Named) -> Path:
        """Return the path of the segment table."""
        return self.folder(recording) / f"{recording.key}_desc-segments_emoclip.parquet"

    def tracks_path(self, recording: Named) -> Path:
        """Return the path of the table of all face tracks."""
        return self.folder(recording) / f"{recording.key}_desc-tracks_emoclip.parquet"

    def thumbnails_path(self, recording: Named) -> Path:
        """Return the path of the contact sheet of crops, which exists only where it was asked for."""
        return self.folder(recording) / f"{recording.key}_desc-crops_emoclip.png"

    def sidecar_path(self, recording: Named) -> Path:
        """Return the path of the sidecar: the result exists if and only if this file does."""
        return self.folder(recording) / f"{recording.key}_emoclip.json"

    def failed_path(self, recording: Named) -> Path:
        """Return the path of the record of a failure."""
        return self.folder(recording) / f"{recording.key}_emoclip-failed.json"

    def sidecar_paths(self) -> tuple[Path, ...]:
        """Return the paths of all sidecars, sorted: one per result."""
        return self._records("_emoclip.json")

    def failed_paths(self) -> tuple[Path, ...]:
        """Return the paths of all records of failures, sorted."""
        return self._records("_emoclip-failed.json")

    def shown(self, path: PurePath) -> str:
        """Return a path as people and files name it: relative to the study where it lies inside.

        Parameters
        ----------
        path : Path
            An absolute path.

        Returns
        -------
        str
            With forward slashes.
        """
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def _records(self, ending: str) -> tuple[Path, ...]:
        found = [
            *self.derivatives.glob(f"sub-*/beh/*{ending}"),
            *self.derivatives.glob(f"sub-*/ses-*/beh/*{ending}"),
        ]
        return tuple(sorted(path for path in found if not path.name.startswith(".")))
