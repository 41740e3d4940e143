"""Finished frames of an analysis, kept by the content that they were made from."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip_clinic import __version__
from emoclip_clinic.reporting.analysis.frames import typed
from emoclip_clinic.study.files import write_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FrameCache"]

_log = logging.getLogger(__name__)

_FORM = 2
"""To be raised when an analysis gives other numbers from the same input."""


@dataclass
class FrameCache:
    """Keeps frames in a folder, or nowhere.

    Attributes
    ----------
    folder : Path or None
        None computes everything anew.
    """

    folder: Path | None
    _used: set[str] = field(default_factory=set)

    def frame(
        self,
        name: str,
        columns: Mapping[str, str],
        made_of: object,
        *,
        make: Callable[[], pd.DataFrame],
    ) -> pd.DataFrame:
        """Return the frame of a name, made anew only if what it is made of has changed.

        Parameters
        ----------
        name : str
            Name of the frame, of letters and ``_``.
        columns : mapping of str to str
            Its columns.
        made_of : object
            Everything that it depends on, as JSON can hold it.
        make : callable
            Makes the frame.

        Returns
        -------
        DataFrame
            The same in the run that makes it and in those that read it.

        Raises
        ------
        StudyError
            If the operating system refuses to write.
        """
        import pandas as pd
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.folder is None:
            return typed(make(), columns)
        content = json.dumps([_FORM, __version__, name, list(columns), made_of], sort_keys=True)
        path = self.folder / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:20]}.parquet"
        self._used.add(path.name)
        if path.exists():
            try:
                return typed(pd.DataFrame(pq.read_table(path).to_pydict()), columns)
            except (pa.ArrowException, OSError) as error:  # a torn or altered file: made again
                _log.warning("The kept table %s cannot be read and is made again: %s", path.name, error)
        frame = typed(make(), columns)
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        write_table(path, table, metadata={"table": name})
        return frame

    def tidy(self) -> None:
        """Remove frames that this analysis did not use."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in self.folder.glob("*-*.parquet"):
            if path.name not in self._used:
                path.unlink(missing_ok=True)
