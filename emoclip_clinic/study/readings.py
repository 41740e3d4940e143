"""Files of zero-shot readings: where they lie, what they hold, and whether they still fit the segments."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from emoclip_clinic.errors import StudyError, did_you_mean
from emoclip_clinic.study.files import read_json, read_tsv, write_frame, write_json
from emoclip_clinic.study.formats import FORMAT_VERSION, Column, check_format_version
from emoclip_clinic.study.layout import Named, Study
from emoclip_clinic.study.results import list_results

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "READING_COLUMNS",
    "SESSION_READING_COLUMNS",
    "load_session_readings",
    "readings_identity",
    "readings_path",
    "session_readings_paths",
    "write_session_readings",
]

READING_COLUMNS: tuple[Column, ...] = (
    Column("segment", "int32", "", "Index of the segment, as in the segment table."),
    Column("t_start_s", "float64", "s", "Grid time of its first sampled frame."),
    Column("t_end_s", "float64", "s", "Grid time of its last sampled frame plus one sampling period."),
    Column("status", "string", "", "ok or rejected, as in the segment table."),
)
"""Columns of a recording's readings after the identity; ``similarity_<class>`` and ``p_<class>`` follow."""

SESSION_READING_COLUMNS: tuple[Column, ...] = (
    Column("participant_id", "string", "", "The person in the video."),
    Column("session_id", "string", "", "The visit; missing if participants have one.", nullable=True),
    Column("class", "string", "", "Id of the class."),
    Column("similarity_mean", "float64", "", "Mean cosine similarity, weighted by time.", nullable=True),
    Column(
        "similarity_sd", "float64", "", "Its standard deviation over time (population form).", nullable=True
    ),
    Column("probability_mean", "float64", "", "Mean probability among the set's classes.", nullable=True),
    Column(
        "share_of_time", "float64", "", "Share of usable time in which it is on top, 0 to 1.", nullable=True
    ),
    Column("n_episodes", "int32", "", "Runs of neighbouring segments in which it is on top."),
    Column("episodes_per_minute", "float64", "1/min", "n_episodes over usable minutes.", nullable=True),
    Column("longest_episode_s", "float64", "s", "Duration of the longest run."),
    Column("usable_s", "float64", "s", "Time for which usable segments stand."),
    Column("n_segments", "int32", "", "Usable segments."),
)
"""Columns of the table of a set's readings, one row per session and class."""


_IDENTITY = ("classes", "parts", "style", "compounds", "text_weights", "inverse_temperature")


def readings_path(study: Study, recording: Named, set_name: str) -> Path:
    """Return the path of a recording's readings.

    Parameters
    ----------
    study : Study
        The study.
    recording : Recording
        The recording.
    set_name : str
        Name of the set of descriptions.

    Returns
    -------
    Path
        Beside the segment table. BIDS labels have letters and digits only: ``desc-zeroshotBasic7``.
    """
    label = "".join(part[:1].upper() + part[1:] for part in re.split(r"[^0-9A-Za-z]+", set_name))
    return study.folder(recording) / f"{recording.key}_desc-zeroshot{label}_emoclip.parquet"


def session_readings_paths(study: Study, set_name: str) -> tuple[Path, Path]:
    """Return the paths of the table of sessions, and of its record, which is written last."""
    return study.readings / f"{set_name}.tsv", study.readings / f"{set_name}.json"


def write_session_readings(
    study: Study, set_name: str, table: "pd.DataFrame", *, facts: dict[str, object]
) -> Path:
    """Write the table of sessions and its record.

    Parameters
    ----------
    study : Study
        The study.
    set_name : str
        Name of the set.
    table : DataFrame
        Columns of :data:`SESSION_READING_COLUMNS`.
    facts : dict
        What it rests on; ``segments`` maps the key of each recording to the hash of its segment table.

    Returns
    -------
    Path
        Of the table.
    """
    tsv, record = session_readings_paths(study, set_name)
    write_frame(tsv, table[[column.name for column in SESSION_READING_COLUMNS]])
    write_json(record, {"format_version": FORMAT_VERSION, "set": set_name, **facts})
    return tsv


def readings_identity(study: Study | Path | str, set_name: str) -> dict[str, object]:
    """Tell what readings mean: sentences, style, form of compounds, text weights and temperature.

    Readings of two studies can be used together if these are equal.

    Parameters
    ----------
    study : Study, Path or str
        The study, which has readings of the set.
    set_name : str
        Name of the set.

    Returns
    -------
    dict
        The facts.
    """
    facts = read_json(session_readings_paths(Study.of(study), set_name)[1])
    return {name: facts.get(name) for name in ("set", *_IDENTITY)}


def load_session_readings(study: Study | Path | str, set_name: str) -> "pd.DataFrame":
    """Load the readings of a set, one row per session and class.

    Parameters
    ----------
    study : Study, Path or str
        The study.
    set_name : str
        Name of the set of descriptions.

    Returns
    -------
    DataFrame
        Columns of :data:`SESSION_READING_COLUMNS`.

    Raises
    ------
    StudyError
        If there are none, or segments have changed since; the message names the command that makes them.
    FormatError
        If a file is damaged.
    """
    import pandas as pd

    place = Study.of(study)
    path, record = session_readings_paths(place, set_name)
    command = f"emoclip-clinic zeroshot score --classes {set_name}"
    if not record.is_file() or not path.is_file():
        there = sorted(found.stem for found in place.readings.glob("*.json"))
        raise StudyError(
            "The study must have zero-shot readings of the set",
            found=f"none of '{set_name}'" + (f"; there are: {', '.join(there)}" if there else ""),
            where=place.root,
            hint=f"{did_you_mean(set_name, there)} Make them with `{command}`.".strip(),
        )
    facts = read_json(record)
    check_format_version(facts.get("format_version"), where=record)
    current = {
        one.sidecar.recording.key: one.sidecar.tables["segments"].sha256 for one in list_results(place)
    }
    if facts.get("segments") != current:
        raise StudyError(
            "Zero-shot readings must be of the segments that are there",
            found="segments that were added, removed or made anew since",
            where=record,
            hint=f"Make them again with `{facts.get('command') or command}`; what has not changed is kept.",
        )
    types = {c.name: c.type for c in SESSION_READING_COLUMNS}
    table = pd.DataFrame(list(read_tsv(path).rows), columns=list(types))
    for name, kind in types.items():
        if kind != "string":
            table[name] = pd.to_numeric(table[name])
    return table
