"""The short answer: one plain paragraph made from the numbers, with hedges where they are weak."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from emoclip_clinic.reporting.writing.rounding import NOT_THERE, interval, number, p_value

if TYPE_CHECKING:
    import pandas as pd

    from emoclip_clinic.reporting.analysis.records import FitAnalysis, PairAnalysis, RaterAnalysis

__all__ = ["headline_items", "short_answer", "short_answer_of_pair", "short_answer_of_raters"]

FEW = 40
VERY_FEW = 20
WIDE = 0.4
ALPHA = 0.05


def headline_items(analysis: FitAnalysis) -> tuple[str, ...]:
    """Return the targets of which the answer speaks: those planned as primary, never the best ones.

    Parameters
    ----------
    analysis : FitAnalysis
        The fit.

    Returns
    -------
    tuple of str
        The primary targets; without any the total or the last score, and without scores the first item.
    """
    table = analysis.items
    primary = table.loc[table["role"] == "primary", "item"].tolist()
    if primary:
        return tuple(primary)
    scores = table.loc[table["family"] == "score", "item"].tolist()
    if scores:
        return ("total" if "total" in scores else scores[-1],)
    return tuple(table["item"].head(1))


def short_answer(analysis: FitAnalysis) -> str:
    """Compose the answer of a fit.

    Parameters
    ----------
    analysis : FitAnalysis
        The fit.

    Returns
    -------
    str
        One paragraph of plain sentences. It never calls two things equal because no difference was found, and
        never gives an interval for new patients.
    """
    table = analysis.items
    chosen = headline_items(analysis)
    if not chosen:
        return "Nothing was predicted, so there is nothing to answer."
    sentences = []
    for item in chosen:
        sentences += _about_target(table[table["item"] == item].to_dict("records")[0], analysis)
    names = dict(zip(table["item"], table["name"], strict=True))
    sentences += _beside_human(analysis.raters, {item: names[item] for item in chosen})
    sentences += [] if (table["role"] == "primary").any() else [_no_primary(table)]
    n_tried = analysis.ledger.n_analyses
    if n_tried > 1:
        n_more = analysis.ledger.n_sensitivity
        more = f", and {n_more} more under other choices (sensitivity)" if n_more else ""
        sentences.append(f"{n_tried} analyses of these ratings have been tried in this study{more}.")
    sentences += _caution(int(table.loc[table["item"].isin(chosen), "n_participants"].min()))
    return " ".join(sentences)


def short_answer_of_pair(analysis: PairAnalysis) -> str:
    """Compose the answer of two measures without a fit.

    Parameters
    ----------
    analysis : PairAnalysis
        The measures.

    Returns
    -------
    str
        One paragraph.
    """
    found = _by_statistic(analysis.statistics)
    n, n_clusters = _counts(found)
    if n == 0:
        return "No row holds both measures, so agreement cannot be told."
    rows = f"{n} rows" + (f" of {n_clusters} participants" if n_clusters < n else "")
    agreement = _estimate(found, "ICC(A,1)")
    sentences = [
        f"In {rows}, {analysis.prediction} and {analysis.truth} agree with an ICC(A,1) of {agreement}, "
        f"and are associated with a Pearson r of {_estimate(found, 'Pearson r')}.",
        f"{analysis.prediction} differs from {analysis.truth} by {_estimate(found, 'bias')} on average, and "
        f"by {_estimate(found, 'MAE')} regardless of direction.",
        "A high correlation alone is no agreement: it does not see a shift or another spread.",
    ]
    if _width(found, "ICC(A,1)") > WIDE:
        sentences.append("The interval of the agreement is wide: these data leave much open.")
    if n_clusters < n:
        sentences.append("Participants have several rows; intervals account for it.")
    return " ".join([*sentences, *_caution(n_clusters, _SCOPE_OF_MEASURES)])


def short_answer_of_raters(analysis: RaterAnalysis) -> str:
    """Compose the answer about raters alone.

    Parameters
    ----------
    analysis : RaterAnalysis
        The raters.

    Returns
    -------
    str
        One paragraph.
    """
    if len(analysis.raters) < 2 or analysis.human.empty:
        return " ".join(["Agreement of raters cannot be told.", *analysis.missing])
    found = _by_statistic(analysis.human)
    n, n_clusters = _counts(found)
    rows = f"{n} rows" + (f" of {n_clusters} participants" if n_clusters < n else "")
    k = len(analysis.raters)
    sentences = [
        f"{k} raters rated {rows} that at least two of them share.",
        f"The ICC(A,1), the agreement of a single rating, is {_estimate(found, 'ICC(A,1)')}; the ICC(C,1), "
        f"which overlooks that some raters rate higher than others, is {_estimate(found, 'ICC(C,1)')}.",
    ]
    if _width(found, "ICC(A,1)") > WIDE:
        sentences.append("The interval is wide: these data leave much open.")
    sentences += _beside_human(analysis, {"": ""})
    return " ".join([*sentences, *_caution(n_clusters, _SCOPE_OF_MEASURES)])


def _no_primary(table: pd.DataFrame) -> str:
    tested = table[table["p_step_down"].notna()]
    n_found = int((tested["p_step_down"] < ALPHA).sum())
    text = "No target was named as primary before the fit, so all of this is exploratory."
    if len(tested) > 1:
        text += (
            f" Of {len(tested)} tested targets, {n_found} {'has' if n_found == 1 else 'have'} a permutation "
            "p below 0.05 after step-down adjustment within items and within scores."
        )
    return text


def _about_target(row: Mapping[Hashable, Any], analysis: FitAnalysis) -> list[str]:
    name = f"{row['name']} ({analysis.scale.title})"
    skill, r = float(row["skill"]), float(row["pearson_r"])
    who = f"{int(row['n_participants'])} participants"
    if row["n_sessions"] > row["n_participants"]:
        who += f" and {int(row['n_sessions'])} sessions"
    if math.isnan(skill):
        return [f"For {name}, in {who}, skill is not defined: {row['note'] or 'the ratings do not vary'}."]
    sentences = [
        f"For {name}, in {who}, predictions for people whom the model ({row['model']}) had never seen had a "
        f"skill of {_with(row, 'skill')} against the mean of the other participants (0 is no better, 1 is "
        f"perfect) and {_association(row, analysis)}.",
        f"They were off by {number(row['mae'])} points on average; the mean alone is off by "
        f"{number(row['mean_mae'])}.",
    ]
    sentences.append(_chance(float(row["p"]), skill))
    width = float(row["pearson_r_high"]) - float(row["pearson_r_low"])
    if width > WIDE:
        sentences.append(
            f"The interval of r is wide: it holds values from {number(row['pearson_r_low'])} to "
            f"{number(row['pearson_r_high'])}, and these data do not tell them apart."
        )
    sentences += _beside_baselines(row, skill)
    mean_r = float(row["mean_r"])
    if r < 0 and mean_r < 0:
        sentences.append(
            f"The negative r is no inverse relation: the mean predictor alone has an r of {number(mean_r)} "
            "under this way of leaving people out."
        )
    if r > 0 and skill <= 0:
        sentences.append(
            "A positive r without skill says that the order of people is partly right while the numbers are "
            "not."
        )
    return sentences


def _association(row: Mapping[Hashable, Any], analysis: FitAnalysis) -> str:
    """Pearson r; where there are diagnostic groups, that within them comes first."""
    pooled = f"a Pearson r of {_with(row, 'pearson_r')}"
    if not analysis.has_groups or math.isnan(float(row["pearson_r_within_groups"])):
        return pooled
    return (
        f"a Pearson r of {_with(row, 'pearson_r_within_groups')} within diagnostic groups; over all "
        f"together, where a difference between groups enters, {pooled}"
    )


def _chance(p: float, skill: float) -> str:
    if math.isnan(p):
        return "It was not tested against chance."
    said = p_value(p).replace("< ", "below ").replace("> ", "above ")
    if p < ALPHA:
        text = f"Chance alone is an unlikely reason (permutation p {said}"
        return text + (
            "); the test does not tell whether expression, or age, the room or the camera is the reason."
            if skill > 0
            else "), yet the predictions are no better than the mean."
        )
    return (
        f"The permutation test gives no evidence of a relation (p {said}). That is no evidence that there is "
        "none."
    )


def _beside_baselines(row: Mapping[Hashable, Any], skill: float) -> list[str]:
    rivals = {
        "covariates such as age and sex": float(row["covariates_skill"]),
        "descriptors of the camera": float(row["camera_skill"]),
        "the baseline rating": float(row["baseline_rating_skill"]),
    }
    as_good = [
        f"{name} ({number(value)})"
        for name, value in rivals.items()
        if not math.isnan(value) and value >= skill
    ]
    if not as_good or max(skill, *(value for value in rivals.values() if not math.isnan(value))) <= 0:
        return []
    return [
        "A model without any expression does at least as well here, with the skill in brackets: from "
        f"{' and from '.join(as_good)}."
    ]


_SCOPE = (
    "Intervals are about these participants with predictions held fixed; how the model does in other people, "
    "rooms and cameras is not known."
)
_SCOPE_OF_MEASURES = "Other people, raters and instruments may agree otherwise."


def _caution(n_participants: int, scope: str = _SCOPE) -> list[str]:
    if n_participants < VERY_FEW:
        return [
            f"With {n_participants} participants no number here is firm: read all of it as a pilot.",
            scope,
        ]
    if n_participants < FEW:
        return [
            f"{n_participants} participants are few; estimates can change much with the next ones.",
            scope,
        ]
    return [scope]


def _beside_human(raters: RaterAnalysis, names: Mapping[str, str]) -> list[str]:
    """The model in a rater's place for every named item, with the verdict where there is one."""
    verdicts = {one["item"]: one for one in raters.verdicts.to_dict("records")}
    found = {(one["item"], one["statistic"]): one for one in raters.model_human.to_dict("records")}
    sentences = []
    for item, verdict in ((item, verdicts[item]) for item in names if item in verdicts):
        meant = str(verdict["statistic"])
        row = found.get((item, meant))
        if row is None or math.isnan(row["difference"]):
            continue
        which = f" of {names[item]}" if len(names) > 1 else ""
        sentences.append(
            f"On sessions with several raters{which}, one rater agrees with the others with a {meant} of "
            f"{number(row['human'])} and the model with {number(row['model'])}; the difference is "
            f"{_with(row, 'difference')}."
        )
        if verdict["verdict"] != "none":
            sentences += [
                f"The margin is {number(verdict['margin'])} ({verdict['margin_origin']}).",
                str(verdict["wording"]),
            ]
    return sentences


def _with(row: Mapping[Hashable, Any], name: str) -> str:
    """An estimate with its interval, where there is one."""
    text, limits = number(row[name]), interval(row[f"{name}_low"], row[f"{name}_high"])
    return text if limits == NOT_THERE else f"{text} {limits}"


_Found = Mapping[str, Mapping[Hashable, Any]]


def _by_statistic(table: pd.DataFrame) -> _Found:
    return {str(row["statistic"]): row for row in reversed(table.to_dict("records"))}


def _counts(found: _Found) -> tuple[int, int]:
    return max((int(row["n"]) for row in found.values()), default=0), max(
        (int(row["n_clusters"]) for row in found.values()), default=0
    )


def _estimate(found: _Found, statistic: str) -> str:
    if statistic not in found:
        return NOT_THERE
    row = found[statistic]
    text, limits = number(row["estimate"]), interval(row["ci_low"], row["ci_high"])
    return text if limits == NOT_THERE else f"{text} {limits}"


def _width(found: _Found, statistic: str) -> float:
    row = found.get(statistic)
    return math.nan if row is None else float(row["ci_high"]) - float(row["ci_low"])
