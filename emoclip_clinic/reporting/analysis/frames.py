"""Frames with exactly the columns that a record promises, whatever their rows hold."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

__all__ = ["frame_of", "typed"]

_COUNTS = frozenset(
    {"n", "n_clusters", "n_participants", "n_sessions", "n_raters", "n_distinct", "n_recordings", "n_failed"}
    | {"bin", "segments_ok", "segments_rejected"}
)
_TRUTHS = frozenset({"analysed", "passed", "same_ratings"})
_TEXTS = frozenset(
    {"item", "name", "family", "role", "model", "other", "statistic", "ci_method", "flag", "note", "warning"}
    | {"kind", "column", "level", "method", "step", "label", "reason", "check", "detail", "when_utc", "fit"}
    | {"target", "settings", "version", "rater_a", "rater_b", "design", "form", "margin_origin", "verdict"}
    | {"wording", "williams_note", "flags", "warnings", "participant_id", "characteristic"}
)
_LABELS = frozenset({"session_id", "group"})
"""Texts that may be missing."""


def frame_of(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Make a frame of rows; what a row does not give is missing, and texts are then empty."""
    return typed(pd.DataFrame(list(rows), columns=list(columns)), columns)


def typed(frame: pd.DataFrame, columns: Mapping[str, str]) -> pd.DataFrame:
    """Put a frame into the columns and types that its record promises.

    Counts are integers (0 where missing), truths bool, texts str ('' where missing), labels that may be
    missing object with None, and all others float.
    """
    result: dict[str, Any] = {}
    for name in columns:
        values = frame[name] if name in frame else pd.Series([None] * len(frame), dtype=object)
        values = values.reset_index(drop=True)
        if name in _COUNTS:
            result[name] = pd.to_numeric(values).fillna(0).astype("int64")
        elif name in _TRUTHS:
            result[name] = values.astype(bool)
        elif name in _TEXTS and f"{name}_low" not in columns:  # "model" is also an estimate
            result[name] = values.astype(object).where(values.notna(), "").astype("str")
        elif name in _LABELS:
            result[name] = values.astype(object).where(values.notna(), None)
        else:
            result[name] = pd.to_numeric(values).astype("float64")
    return pd.DataFrame(result, columns=list(columns))
