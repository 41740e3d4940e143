"""The one table that `fit` prints: every item and model that was asked for, beside the mean predictor.

With changes the mandatory comparator is there too: the model of the baseline rating alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import print_table

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting import FitResult

__all__ = ["print_fit"]

# What a terminal shows only if there is room, first things first; a pipe gets everything.
_IF_ROOM = (
    "CCC", "MAE", "r of mean", "p step-down", "r in groups", "sessions", "MAE of mean", "gain", "p of gain",
)  # fmt: skip
_BETWEEN_COLUMNS = 2
_SHORT = "baseline"


def print_fit(result: "FitResult") -> None:
    """Print the measures of a fit, as many columns of them as the terminal has room for."""
    from emoclip_clinic.regression.fitting import BASELINE_RATING

    rows = _rows(result)
    if out.is_terminal and any(row["model"] == BASELINE_RATING for row in rows):
        rows = [row | {"model": str(row["model"]).replace(BASELINE_RATING, _SHORT)} for row in rows]
        err.print(
            f"{_SHORT}: a ridge on the baseline rating alone, to compare a change with.", soft_wrap=True
        )
    columns = list(rows[0])
    left_out = _without_room(rows, width=out.width) if out.is_terminal else []
    columns = [column for column in columns if column not in left_out]
    err.print("n is participants.", soft_wrap=True)
    print_table(columns, [[row[column] for column in columns] for row in rows])
    if left_out:
        err.print(f"No room for: {', '.join(left_out)}. See metrics.tsv and gain.tsv.", soft_wrap=True)


def _rows(result: "FitResult") -> list[dict[str, str | None]]:
    from emoclip_clinic.regression.fitting import BASELINE_RATING, TESTED_MODEL

    plan, metrics = result.plan, result.metrics
    r_of_mean = metrics[metrics["model"] == "mean"].set_index("item")["pearson_r"]
    gains = {row["target"]: row for row in result.gain_facts.get("table", ())}
    rows = []
    for row in metrics[metrics["model"].isin([*plan.chosen, BASELINE_RATING])].to_dict("records"):
        low, high = row["pearson_r_low_predictions_fixed"], row["pearson_r_high_predictions_fixed"]
        shown = {
            "item": str(row["item"]),
            "model": str(row["model"]),
            "n": str(row["n_participants"]),
            "sessions": str(row["n_sessions"]),
            "skill": _number(row["skill"]),
            "Pearson r": _number(row["pearson_r"]),
            "95 % interval*": None if math.isnan(low) else f"{_number(low)} to {_number(high)}",
            "r of mean": _number(r_of_mean[row["item"]]),
            "r in groups": _number(row["pearson_r_within_groups"]),
            "CCC": _number(row["ccc"]),
            "MAE": _number(row["mae"]),
            "MAE of mean": _number(row["mae_of_mean"]),
            "p": _number(row["p"], digits=4),
            "p step-down": _number(row["p_step_down"], digits=4),
        }
        if plan.diagnostic_group is None:
            del shown["r in groups"]
        if gains:
            gain = gains[row["item"]] if row["model"] == TESTED_MODEL else {}
            shown["gain"] = _number(gain.get("observed"))
            shown["p of gain"] = _number(gain.get("p"), digits=4)
        rows.append(shown)
    return rows


def _without_room(rows: Sequence[Mapping[str, str | None]], *, width: int) -> list[str]:
    """Return the columns that are left out so that the others stand on one line."""
    needed = {
        column: max(len(column), *(len(row[column] or "n/a") for row in rows)) + _BETWEEN_COLUMNS
        for column in rows[0]
    }
    room = width + _BETWEEN_COLUMNS - sum(size for column, size in needed.items() if column not in _IF_ROOM)
    left_out = []
    for column in _IF_ROOM:
        if column in needed and needed[column] <= room:
            room -= needed[column]
        elif column in needed:
            left_out.append(column)
    return left_out


def _number(value: float | None, *, digits: int = 2) -> str | None:
    if value is None or math.isnan(value):
        return None
    return f"{round(value, digits) + 0.0:.{digits}f}"  # adding 0 turns -0.00 into 0.00
