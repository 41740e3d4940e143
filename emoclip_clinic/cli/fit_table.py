"""The table that `fit` prints: every item and model that was asked for, beside the mean predictor.

With changes the mandatory comparator is there too: the model of the baseline rating alone. The skill of the
other baselines stands in columns, or in a small table of its own where a terminal has no room for them.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import counted, print_table

if TYPE_CHECKING:
    from emoclip_clinic.regression.fitting import FitResult

__all__ = ["print_fit", "strata_lines", "untested_lines"]

# What a terminal shows only if there is room, first things first; a pipe gets everything.
_IF_ROOM = (
    "CCC", "MAE", "r of mean", "p step-down", "r in groups", "sessions", "MAE of mean", "gain", "p of gain",
    "skill of covariates", "skill of camera",
)  # fmt: skip
_BASELINES = {"ridge-covariates": "skill of covariates", "ridge-camera": "skill of camera"}
_BETWEEN_COLUMNS = 2
_SHORT = "baseline"
_MOST_STRATA = 6


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
    moved = [column for column in _BASELINES.values() if column in left_out]
    if moved:
        err.print("Skill of the baselines, on the same folds:", soft_wrap=True)
        by_item = {row["item"]: row for row in rows}  # the same for every model of an item
        print_table(("item", *moved), [[row[name] for name in ("item", *moved)] for row in by_item.values()])
    others = [column for column in left_out if column not in moved]
    if others:
        err.print(f"No room for: {', '.join(others)}. See metrics.tsv and gain.tsv.", soft_wrap=True)


def strata_lines(facts: Mapping[str, Any]) -> list[str]:
    """Say in a few lines who may exchange ratings with whom, and how many arrangements there are.

    Parameters
    ----------
    facts : mapping
        The permutation test in fit.json.

    Returns
    -------
    list of str
    """
    strata = facts["strata"]
    lines = ["Who exchanges ratings:"]
    for row in strata[:_MOST_STRATA]:
        name = f"{row['stratum']}, " if row["stratum"] else ""
        lines.append(
            f"  {name}{counted(row['n_participants'], 'participant')} with "
            f"{counted(row['n_sessions'], 'session')}: {row['n_possible']} arrangements"
        )
    if len(strata) > _MOST_STRATA:
        lines.append(f"  and {len(strata) - _MOST_STRATA} more strata, see fit.json")
    tested = [row for row in facts["table"] if not row["reason"]]
    fewest = min(tested, key=lambda row: float(row["n_distinct"]))
    lines.append(
        f"  distinct arrangements: {fewest['n_distinct']} of {fewest['target']}, which has the fewest, since "
        "equal ratings cannot be told apart"
    )
    return lines


def untested_lines(title: str, facts: Mapping[str, Any]) -> list[str]:
    """Name the items and scores that a test left out, by reason.

    Parameters
    ----------
    title : str
        The test.
    facts : mapping
        The test in fit.json.

    Returns
    -------
    list of str
    """
    reasons: dict[str, list[str]] = {}
    for row in facts.get("table", ()):
        if row["reason"]:
            reasons.setdefault(row["reason"], []).append(row["target"])
    return [f"{title} not done for {', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _rows(result: "FitResult") -> list[dict[str, str | None]]:
    from emoclip_clinic.regression.fitting import BASELINE_RATING, TESTED_MODEL

    plan, metrics = result.plan, result.metrics
    r_of_mean = metrics[metrics["model"] == "mean"].set_index("item")["pearson_r"]
    skills = metrics.set_index(["model", "item"])["skill"]
    shown_baselines = {model: name for model, name in _BASELINES.items() if model in plan.models}
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
            "p": _number(row["p"], digits=4) if row["model"] == TESTED_MODEL else "not tested",
            "p step-down": _number(row["p_step_down"], digits=4),
        }
        if plan.diagnostic_group is None:
            del shown["r in groups"]
        if gains:
            gain = gains[row["item"]] if row["model"] == TESTED_MODEL else {}
            shown["gain"] = _number(gain.get("observed"))
            shown["p of gain"] = _number(gain.get("p"), digits=4)
        for model, column in shown_baselines.items():
            shown[column] = _number(float(skills[model, row["item"]]))
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
