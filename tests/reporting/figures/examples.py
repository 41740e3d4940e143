"""One example of every kind of figure, from drawn data; and hostile words for all places that take words."""

import numpy as np
import pandas as pd

from emoclip_clinic.reporting import figures
from emoclip_clinic.reporting.figures import Estimate, Figure, Measure

N1 = Measure("n1", "N1 blunted affect", 1, 7, 1)
TOTAL = Measure("total", "PANSS total", 30, 210, 1)
HOSTILE = '<b>"Müller" & Co</b> <script>x()</script> \x01\u202e ' + "Ærøskøbing " * 20 + "]]>"

LINE = {"slope": 0.8, "slope_low": 0.4, "slope_high": 1.2, "intercept": 0.7, "intercept_low": -0.4}
LIMITS = {
    **{"bias": -0.12, "bias_low": -0.34, "bias_high": 0.1, "slope": -0.91, "method": "MOVER"},
    **{"lower": -2.31, "lower_low": -2.8, "lower_high": -1.9},
    **{"upper": 2.07, "upper_low": 1.7, "upper_high": 2.6},
}  # fmt: skip


def pairs(n: int = 80, *, people: int = 40, low: float = 1, high: float = 7, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=people)[np.arange(n) % people] + rng.normal(0, 0.4, size=n)
    rating = np.clip(np.rint((low + high) / 2 + truth * (high - low) / 6), low, high)
    prediction = (low + high) / 2 + 0.5 * (truth + rng.normal(0, 0.7, size=n)) * (high - low) / 6
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{k % people + 1:03}" for k in range(n)],
            "session_id": [f"ses-{k // people + 1}" for k in range(n)],
            "group": np.where(np.arange(n) % people % 3 == 0, "control", "patient"),
            "rating": rating,
            "prediction": prediction,
        }
    )


def calibration(data: pd.DataFrame, *, bins: int = 4) -> pd.DataFrame:
    rows = [{"bin": -1, "n": len(data), **LINE, "in_the_large": 0.11, "flag": ""}]
    place = pd.qcut(data["prediction"], bins, labels=False, duplicates="drop")
    for number, own in data.groupby(place):
        mean = own["rating"].mean()
        rows.append(
            {"bin": number, "n": len(own), "mean_prediction": own["prediction"].mean(), "mean_rating": mean,
             "mean_rating_low": mean - 0.4, "mean_rating_high": mean + 0.5}
        )  # fmt: skip
    return pd.DataFrame(rows)


def errors(data: pd.DataFrame) -> pd.DataFrame:
    difference = data["prediction"] - data["rating"]
    return difference.groupby(data["participant_id"]).mean().rename("bias").reset_index()


def items(label: str = "Item") -> pd.DataFrame:
    skill = np.array([0.31, -0.08, np.nan, 0.12, 0.27])
    return pd.DataFrame(
        {
            "item": [f"i{k}" for k in range(5)],
            "label": [f"{label} {k}" for k in range(5)],
            "family": ["item"] * 3 + ["score"] * 2,
            "skill": skill,
            "skill_low": skill - 0.15,
            "skill_high": [0.42, 0.05, np.nan, 9.0, 0.4],
            "covariates_skill": [0.11, 0.02, 0.03, np.nan, 0.2],
        }
    )


def comparison() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "statistic": ["Pearson r", "CCC"],
            "human": [0.72, 0.68], "human_low": [0.6, 0.55], "human_high": [0.8, 0.77],
            "model": [0.51, 0.42], "model_low": [0.35, 0.27], "model_high": [0.64, np.nan],
            "difference": [-0.21, -0.26], "difference_low": [-0.36, -0.4], "difference_high": [-0.06, np.nan],
            "n": [80, 80], "n_clusters": [60, 60], "n_raters": [3, 3],
        }
    )  # fmt: skip


def flow() -> tuple[pd.DataFrame, pd.DataFrame]:
    steps = pd.DataFrame(
        {"step": ["known", "usable", "analysed"], "label": ["Known to the study", "With video", "Analysed"],
         "n_participants": [64, 60, 58], "n_sessions": [150, 131, 121]}
    )  # fmt: skip
    lost = pd.DataFrame(
        {"step": ["usable", "usable", "analysed"], "reason": ["no video", "no face was found", "no rating"],
         "n_participants": [7, 1, 9], "n_sessions": [18, 1, 10]}
    )  # fmt: skip
    return steps, lost


def quality(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {"coverage": rng.uniform(0.5, 1, n), "decoded_s": rng.uniform(300, 1500, n),
         "brightness": rng.uniform(40, 200, n), "analysed": np.arange(n) % 5 > 0}
    )  # fmt: skip


def choices() -> pd.DataFrame:
    return pd.DataFrame(
        {"choice": ["main", "aggregation", "aggregation", "folds"],
         "value": ["mean", "std", "mean+std", "10-fold"], "skill": [0.21, 0.12, np.nan, 0.19]}
    )  # fmt: skip


def subsamples() -> pd.DataFrame:
    return pd.DataFrame(
        {"item": ["n1", "n2"], "skill_full": [0.21, -0.02], "skill_mean": [0.18, -0.05],
         "n_subsamples": [50, 50], "skill_low": [0.08, -0.15], "skill_high": [0.26, 0.04],
         "n_participants": [46, 46]}
    )  # fmt: skip


def every_figure(words: str | None = None) -> dict[str, Figure]:
    """All kinds of figures; given words stand wherever a name, a label or an identifier can."""
    measure = (
        N1 if words is None else Measure(words, words, 1, 7, 1, unit=words, rating=words, prediction=words)
    )
    data, (steps, lost), table, named = pairs(), flow(), choices(), items(words or "Item")
    draws = np.random.default_rng(1).normal(-0.05, 0.05, 499)
    raters, title = comparison(), words or "N1 blunted affect"
    people = errors(data)
    if words is not None:
        data["group"] = np.where(data["group"] == "control", words, "other")
        people["participant_id"] = words + people["participant_id"]
        data["participant_id"] = words + data["participant_id"]
        steps["label"], lost["reason"] = words, words
        table["value"], raters["statistic"] = words, words
    origin = words or "given"
    observed = {"observed": 0.1, "p": 0.01}
    skill, ccc = words or "skill", {words or "CCC": Estimate(0.44, 0.2, 0.6)}
    return {
        "scatter": figures.scatter(data, measure, line=LINE, statistics=ccc),
        "bland-altman": figures.bland_altman_plot(data, measure, limits=LIMITS, confidence=0.9),
        "calibration": figures.calibration_plot(data, measure, calibration=calibration(data)),
        "null": figures.null_distribution(draws, measure, statistic=skill, **observed),
        "forest": figures.forest(named, baseline="covariates_skill", baseline_text=words or "covariates"),
        "human-model": figures.human_beside_model(raters, title=title, margin=0.1, margin_origin=origin),
        "ratings": figures.rating_distribution(data["rating"], measure),
        "participants": figures.error_by_participant(people, measure, pairs=data),
        "many-participants": figures.error_by_participant(errors(pairs(120, people=60)), measure),
        "cohort": figures.cohort_flow(steps, lost, title=title),
        "quality": figures.data_quality(quality()),
        "sensitivity": figures.sensitivity(table, measure),
        "stability": figures.stability(subsamples(), labels={"n1": title}),
        "confusion": figures.confusion_matrix(data, measure),
    }  # fmt: skip
