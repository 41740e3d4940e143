"""Who took part in a fit and who did not, and how good the videos are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emoclip_clinic.reporting.page.blocks import (
    Block,
    Cell,
    Folded,
    Gallery,
    Picture,
    Record,
    Section,
    Shown,
    Table,
    Text,
    as_sentence,
    fixed,
    plain_text,
    table_of,
)
from emoclip_clinic.reporting.writing.rounding import NOT_THERE, number

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis.records import FitAnalysis
    from emoclip_clinic.reporting.page.blocks import Drawing

__all__ = ["cohort_section", "quality_section"]


def cohort_section(analysis: FitAnalysis, flow: Drawing) -> Section:
    """Tell who took part, and who did not and why."""
    cohort = analysis.cohort
    steps = table_of(
        "flow",
        "From everybody who is known to those who were analysed",
        cohort.flow,
        [
            plain_text("Step", "label"),
            fixed("Participants", "n_participants", "whole"),
            fixed("Sessions", "n_sessions", "whole"),
        ],
    )
    exclusions = table_of(
        "exclusions",
        "Sessions that were left out, and why",
        cohort.exclusions,
        [
            plain_text("Reason", "reason"),
            fixed("Participants", "n_participants", "whole"),
            fixed("Sessions", "n_sessions", "whole"),
        ],
    )
    blocks: list[Block] = [Picture(flow), Folded("The flow as a table", (steps,))]
    blocks.append(exclusions if exclusions.rows else Text("No session was left out."))
    if len(cohort.missing_ratings):
        blocks.append(
            table_of(
                "missing-ratings",
                "Single ratings that are missing in sessions that take part",
                cohort.missing_ratings,
                [plain_text("Target", "target"), plain_text("Reason", "reason"), fixed("n", "n", "whole")],
            )
        )
    if len(cohort.participants):
        blocks.append(_characteristics(analysis))
    else:
        blocks.append(Text("Age, sex, group and site: the study has no participants.tsv.", "missing"))
    counts = ", ".join(f"{people} with {n}" for n, people in sorted(cohort.sessions_per_participant.items()))
    blocks.append(Text(f"Participants by number of analysed sessions: {counts}."))
    return Section("cohort", "Participants", tuple(blocks))


def _characteristics(analysis: FitAnalysis) -> Table:
    def value(row: Record) -> Cell:
        mean, sd = (number(row[name], decimals=1) for name in ("mean", "sd"))
        return Cell("" if mean == NOT_THERE else f"{mean} ({sd})")

    def extent(row: Record) -> Cell:
        low, high = (number(row[name], decimals=0) for name in ("low", "high"))
        return Cell("" if low == NOT_THERE else f"{low} to {high}")

    return table_of(
        "characteristics",
        "Characteristics of the participants who were analysed",
        analysis.cohort.participants,
        [
            plain_text("Characteristic", "characteristic"),
            plain_text("Level", "level"),
            fixed("n", "n", "whole"),
            Shown("Mean (SD)", value),
            Shown("Lowest to highest", extent),
        ],
        for_paper=True,
    )


def quality_section(analysis: FitAnalysis, pictures: Sequence[Drawing]) -> Section:
    """Tell how good the videos are."""
    table = analysis.quality
    if table.empty:
        reason = as_sentence(analysis.missing.get("quality", "No result of extraction was found."))
        return Section("quality", "Quality of the videos", (Text(reason, "missing"),), is_empty=True)
    used = table[table["analysed"].astype(bool)]
    flagged = used[used["flags"].fillna("").astype(str) != ""]
    blocks: list[Block] = [
        table_of(
            "quality",
            "Quality over the analysed sessions",
            _spread(used),
            [
                plain_text("Measure", "measure"),
                plain_text("Median", "median", numeric=True),
                plain_text("Lowest", "lowest", numeric=True),
                plain_text("Highest", "highest", numeric=True),
                fixed("n", "n", "whole"),
            ],
            for_paper=True,
        ),
        *([Gallery(tuple(map(Picture, pictures)))] if pictures else []),
        Text(
            "Faces are not found equally well in all people. Compare coverage between groups before "
            "anything else.",
            "note",
        ),
    ]
    if len(flagged):
        blocks.append(
            Text(
                f"{len(flagged)} of {len(used)} analysed sessions carry a flag that a person should look at.",
                "warning",
            )
        )
    blocks.append(
        Folded(
            "Every session",
            (
                table_of(
                    "sessions",
                    "Quality of every session",
                    table,
                    [
                        plain_text("Participant", "participant_id"),
                        plain_text("Session", "session_id"),
                        Shown(
                            "Analysed", lambda row: Cell("yes" if row["analysed"] else "no"), numeric=False
                        ),
                        fixed("Coverage", "coverage", "percent"),
                        fixed("Video, s", "decoded_s", decimals=0),
                        fixed("Segments", "segments_ok", "whole"),
                        fixed("Rejected", "segments_rejected", "whole"),
                        fixed("Brightness", "brightness", decimals=0),
                        fixed("Sharpness", "sharpness", decimals=0),
                        fixed("Face, px", "face_px", decimals=0),
                        plain_text("Flags", "flags"),
                        plain_text("Warnings", "warnings"),
                    ],
                ),
            ),
        )
    )
    return Section("quality", "Quality of the videos", tuple(blocks))


def _spread(table: pd.DataFrame) -> list[Record]:
    measures = {
        "coverage": ("Coverage: share of sampled frames with the participant's face", 2),
        "decoded_s": ("Video, s", 0),
        "segments_ok": ("Segments with an embedding", 0),
        "segments_rejected": ("Segments without", 0),
        "brightness": ("Brightness of the face, 0 to 255", 0),
        "sharpness": ("Sharpness of the face", 0),
        "face_px": ("Size of the face, px", 0),
        "subject_margin": ("Margin by which the participant's face was chosen, 0 to 1", 2),
    }
    rows: list[Record] = []
    for name, (words, decimals) in measures.items():
        values = table[name].dropna().astype(float)
        if len(values):
            found = {"median": values.median(), "lowest": values.min(), "highest": values.max()}
            texts: Record = {key: number(float(value), decimals=decimals) for key, value in found.items()}
            rows.append({"measure": words, "n": len(values), **texts})
    return rows
