"""The methods paragraph, ready for a paper: what was done, with parameters, versions and references."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emoclip_clinic import __version__
from emoclip_clinic.reporting.writing.references import Citation, bibtex, citation, scale_citation
from emoclip_clinic.reporting.writing.rounding import CONVENTION, number
from emoclip_clinic.study.versions import software_versions

if TYPE_CHECKING:
    from emoclip_clinic.reporting.analysis.records import FitAnalysis, PairAnalysis, RaterAnalysis
    from emoclip_clinic.study.report_settings import ReportSettings

__all__ = ["MethodsText", "analysis_versions", "methods_of_agreement", "methods_of_fit"]

_OUTER = {
    "participant": "leave-one-participant-out cross-validation",
    "kfold": "{n_splits}-fold cross-validation over participants",
    "site": "leave-one-site-out cross-validation",
}
_TARGETS = {
    "rating": "the rating of a session",
    "change": "the change of a rating since the baseline session {baseline}",
    "change-percent": "the change of a rating in percent since the baseline session {baseline}",
}
_PACKAGES = ("numpy", "scipy", "pandas", "statsmodels")
_CITATIONS = re.compile(r"\[(@[^\]]+)\]")


@dataclass(frozen=True)
class MethodsText:
    """Paragraphs with the publications that they cite.

    Attributes
    ----------
    paragraphs : mapping of str to str
        Heading to text; citations stand as ``[@key]``.
    citations : tuple of Citation
        In the order in which they are first cited.
    """

    paragraphs: Mapping[str, str]
    citations: tuple[Citation, ...]

    @property
    def markdown(self) -> str:
        """The text for ``methods.md``, with the citations of pandoc and a list of references."""
        parts = [f"## {heading}\n\n{text}" for heading, text in self.paragraphs.items()]
        references = "\n".join(f"- [@{one.key}] {one.reference}" for one in self.citations)
        return "\n\n".join(["# Methods", *parts, f"## References\n\n{references}"]) + "\n"

    @property
    def bibtex(self) -> str:
        """The publications for ``references.bib``."""
        return bibtex(self.citations)

    @property
    def numbered(self) -> dict[str, str]:
        """The paragraphs with numbers in place of keys: [3] is the third of `citations`."""
        numbers = {f"@{one.key}": str(place) for place, one in enumerate(self.citations, start=1)}
        texts = {}
        for heading, text in self.paragraphs.items():
            for key, place in sorted(numbers.items(), key=lambda one: -len(one[0])):
                text = text.replace(key, place)
            texts[heading] = text
        return texts


def analysis_versions() -> dict[str, str]:
    """Return the versions of what computes the numbers of a report.

    Examples
    --------
    >>> "numpy" in analysis_versions()
    True
    """
    return software_versions(_PACKAGES)


def methods_of_fit(analysis: FitAnalysis) -> MethodsText:
    """Compose the methods of a fit and its report.

    Parameters
    ----------
    analysis : FitAnalysis
        The fit.

    Returns
    -------
    MethodsText
        Paragraphs on ratings, video features, prediction, evaluation, agreement, and software.
    """
    fit = analysis.fit
    scale_keys = _scale_citations(analysis)
    paragraphs = {
        "Ratings": _ratings(analysis, list(scale_keys)),
        "Video features": _features(fit),
        "Prediction": _prediction(fit, analysis.models),
        "Evaluation": _evaluation(fit, analysis),
        "Agreement": " ".join(
            part
            for part in (_agreement(analysis.settings, repeated=True), _of_raters(analysis.raters))
            if part
        ),
        "Software": _software(analysis.versions),
    }
    return _cited(paragraphs, scale_keys)


def methods_of_agreement(
    pair: PairAnalysis | None, raters: RaterAnalysis | None, *, settings: ReportSettings
) -> MethodsText:
    """Compose the methods of an agreement page.

    Parameters
    ----------
    pair : PairAnalysis, optional
        Two measures.
    raters : RaterAnalysis, optional
        Raters of the same thing.
    settings : ReportSettings
        Level and bootstrap resamples of the intervals.

    Returns
    -------
    MethodsText
        Paragraphs on data, agreement and software.
    """
    data = []
    if pair is not None:
        unit = (
            f"Rows with the same {pair.cluster} are of one participant."
            if pair.cluster
            else "Rows are taken as independent of each other."
        )
        data.append(
            f"{pair.prediction} was compared with {pair.truth}; the difference is {pair.prediction} minus "
            f"{pair.truth}. {unit}"
        )
    if raters is not None:
        data.append(f"Raters: {', '.join(raters.raters)}.")
    agreement = []
    if pair is not None:
        agreement.append(_agreement(settings, repeated=pair.cluster is not None))
    if raters is not None:
        agreement.append(_of_raters(raters))
        if pair is None:
            agreement += [_intervals_of_raters(raters, settings), CONVENTION]
    paragraphs = {
        "Data": " ".join(data),
        "Agreement": " ".join(part for part in agreement if part),
        "Software": _software(analysis_versions()),
    }
    return _cited(paragraphs, {})


def _ratings(analysis: FitAnalysis, scale_keys: Sequence[str]) -> str:
    fit, scale = analysis.fit, analysis.scale
    cited = f" [{'; '.join(f'@{key}' for key in scale_keys)}]" if scale_keys else ""
    settings = fit["settings"]
    target = _TARGETS[settings["target"]].format(baseline=settings.get("baseline"))
    primary = ", ".join(fit.get("primary") or ())
    planned = (
        f"Primary: {primary}; all others are exploratory."
        if primary
        else "No target was named as primary before the fit."
    )
    n_targets = len(fit["targets"])
    return (
        f"Symptoms were rated with the {scale.title}{cited}. {fit['ratings']} "
        f"Predicted was {target}, for {n_targets} {'target' if n_targets == 1 else 'targets'} "
        f"(items and scores). {planned}"
    )


def _features(fit: Mapping[str, Any]) -> str:
    source = fit["features"]["source"]
    used = source["settings"]
    text = (
        f"Faces were found by {_detector(used)}, joined to tracks, and one track was taken as the "
        f"participant's by a stated rule. Crops of the face with a margin of {used.get('crop_margin')} were "
        f"sampled at {_fps(used)} frames per second at the times of the video's container. Segments of "
        f"{used.get('segment_frames')} sampled frames, {used.get('stride_frames')} apart, with at least "
        f"{_share(used.get('min_coverage'))} of their frames showing the face, were embedded by EmoCLIP "
        f"[@foteinopoulou2024], which is built on CLIP [@radford2021] (weights {source['weights_name']}, "
        f"SHA-256 {str(source['weights_sha256'])[:12]}, resize {used.get('resize')})."
    )
    if source.get("weights_kind") == "random":
        text += " These weights are random: the embeddings have no meaning."
    level = fit["features"]["level"]
    how = fit["settings"]["aggregation"]
    n_features = fit["features"]["n_features"]
    if level == "session":
        text += f" Segments of a session became one row of {n_features} features (aggregation: {how})."
    elif level != "segment":
        beside = f" beside aggregated embeddings ({how})" if level.startswith("session") else ""
        text += (
            f" Features of a session were {n_features} numbers: similarities to the class descriptions "
            f"'{fit['settings']['zeroshot_set']}', share of time and episodes of each class{beside}."
        )
    else:
        text += (
            " Models were trained on segments, which inherit their session's rating, and predict sessions."
        )
    return (
        text
        + f" Sessions with less than {fit['settings']['min_usable_s']:g} s of usable video were left out."
    )


def _detector(used: Mapping[str, Any]) -> str:
    return "MTCNN [@zhang2016]" if used.get("detector") == "mtcnn" else f"the detector {used.get('detector')}"


def _fps(used: Mapping[str, Any]) -> str:
    return "?" if used.get("sample_fps") is None else f"{used['sample_fps']:g}"


def _share(value: object) -> str:
    return f"{100 * float(value):g} %" if isinstance(value, int | float) else "?"


def _prediction(fit: Mapping[str, Any], models: Sequence[str]) -> str:
    settings = fit["settings"]
    outer = _OUTER[settings["outer"]].format(**settings)
    text = (
        f"Ratings were predicted by {outer}: every prediction is for a participant of whom no session was "
        "used for scaling, choice of a penalty or training"
    )
    repeats = fit["folds"].get("n_repeats", 1)
    text += f"; the folds were drawn {repeats} times. " if repeats > 1 else ". "
    if "ridge" in models:
        text += (
            "Ridge regression [@hoerl1970] on standardised features had its penalty chosen for each target "
            "inside the training participants. "
        )
    if "mlp" in models:
        text += (
            f"A network with hidden layers of {settings['hidden']} units (ensemble of "
            f"{settings['mlp_seeds']}) stopped early on participants inside the training data. "
        )
    baselines = [
        words
        for name, words in (
            ("mean", "the mean of the training participants"),
            ("ridge-covariates", "a ridge on covariates"),
            ("ridge-camera", "a ridge on descriptors of the camera"),
            ("ridge-baseline-rating", "a ridge on the baseline rating"),
        )
        if name in models
    ]
    return text + f"Baselines: {', '.join(baselines)}."


def _evaluation(fit: Mapping[str, Any], analysis: FitAnalysis) -> str:
    test, gain = fit.get("permutation_test") or {}, fit.get("gain_test") or {}
    text = (
        "The unit is the participant. Measures are computed on pooled out-of-fold predictions with one "
        "number per session. The primary measure is skill, 1 - SSE / SSE of the mean predictor; the pooled "
        "Pearson r is biased downwards under cross-validation [@poldrack2020] and stands beside that of the "
        "mean predictor. "
    )
    if "not_tested" in test or not test:
        text += f"No permutation test was made: {test.get('not_tested', 'none was asked for')} "
    else:
        text += (
            f"{test['statement']} A p value counts the observed arrangement [@phipson2010]. p values were "
            "adjusted within items and within scores by step-down min-p [@westfall1993], Holm [@holm1979] "
            "and Benjamini-Hochberg [@benjamini1995]. "
        )
    if gain and "not_tested" not in gain:
        text += (
            "What the embedding adds to covariates and camera was tested by the method of Freedman and Lane "
            "[@freedman1983], which is approximate. "
        )
    return text + (
        "An audit checked that no participant is on both sides of a fold, that no video belongs to two "
        "participants, and that no rating is among the features."
        if analysis.audit_passed
        else ""
    )


def _agreement(settings: ReportSettings, *, repeated: bool) -> str:
    level, resamples = _share(settings.confidence), settings.resamples
    text = (
        "Agreement is given as the concordance correlation coefficient with n denominators [@lin1989], "
        "ICC(A,1) and ICC(C,1) [@mcgraw1996], mean absolute and root mean squared error, bias and limits of "
        "agreement [@bland1999]"
    )
    text += " in the form for repeated sessions [@zou2013]" if repeated else ""
    text += ", and the quadratic weighted kappa [@cohen1968] where the steps of the scale are known. "
    if repeated:
        text += (
            f"Where participants have several sessions, {level} intervals come from {resamples} bootstrap "
            "resamples of participants with all their sessions [@field2007], with predictions held fixed; "
            "association within participants is the repeated-measures correlation [@bakdash2017]. "
        )
    else:
        text += (
            f"Intervals of {level} are textbook ones or from {resamples} bootstrap resamples, as the tables "
            "say. "
        )
    return text + CONVENTION


def _of_raters(raters: RaterAnalysis) -> str:
    """Agreement of raters, and the model in a rater's place; nothing with a single rater."""
    if raters.human.empty:
        return ""
    text = (
        "Agreement of raters is given as means over pairs of raters and as ICC in all six forms "
        "[@mcgraw1996], by restricted maximum likelihood where ratings are missing"
    )
    named = raters.human["statistic"].astype(str)
    text += ", and as Krippendorff's alpha [@krippendorff2004]" if named.str.contains("alpha").any() else ""
    text += ". "
    if raters.model_human["difference"].notna().any():
        text += (
            "Each rater, and the model in this rater's place, was compared with the mean of the other "
            "raters, averaged over raters; intervals of the difference resample participants and "
            "hold raters fixed. "
        )
    judged = raters.verdicts[raters.verdicts["verdict"] != "none"].to_dict("records")
    if judged:
        text += (
            "Non-inferiority to one more rater means that the one-sided 97.5 % lower limit of the difference "
            f"in {judged[0]['statistic']} lies above minus {number(judged[0]['margin'])} "
            f"({judged[0]['margin_origin']}). "
        )
    return text.rstrip()


def _intervals_of_raters(raters: RaterAnalysis, settings: ReportSettings) -> str:
    level, n = _share(settings.confidence), settings.resamples
    if (raters.human["n_clusters"] < raters.human["n"]).any():
        return (
            f"Intervals of {level} come from at most {n} bootstrap resamples of participants with all their "
            "rows [@field2007]."
        )
    return (
        f"Intervals of {level} are textbook ones or from at most {n} bootstrap resamples, as the tables say."
    )


def _software(versions: Mapping[str, str]) -> str:
    listed = {**versions, **analysis_versions()}
    names = [f"{name} {number}" for name, number in listed.items() if not name.startswith("emoclip-clinic")]
    fitted = versions.get("emoclip-clinic", __version__)
    made = "" if fitted == __version__ else f" (the fit was made by version {fitted})"
    return (
        f"emoclip-clinic {__version__}{made}, with {', '.join(names)} [@harris2020; @virtanen2020; "
        "@vallat2018]. "
        "Random numbers come from seeds that are stored with the results."
    )


def _scale_citations(analysis: FitAnalysis) -> dict[str, Citation]:
    scale = analysis.scale
    return {
        key: scale_citation(key, text=one.citation, doi=one.doi)
        for key, one in scale.references.items()
        if key == scale.citation
    }


def _cited(paragraphs: Mapping[str, str], own: Mapping[str, Citation]) -> MethodsText:
    """Find who is cited, in order; a key that is unknown stops here and not in a reader's hands."""
    keys: dict[str, None] = {}
    for text in paragraphs.values():
        for bracket in _CITATIONS.findall(text):
            keys.update(dict.fromkeys(part.strip().removeprefix("@") for part in bracket.split(";")))
    return MethodsText(dict(paragraphs), tuple(own[key] if key in own else citation(key) for key in keys))
