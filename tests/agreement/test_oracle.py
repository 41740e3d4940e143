"""Every value of the R reference file is reproduced, or is named below with the reason why it is not ours."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from emoclip_clinic.agreement import (
    adjust_p,
    bland_altman,
    calibration,
    ccc,
    error_metrics,
    fisher_z_test,
    icc,
    kendall,
    kendall_w,
    krippendorff_alpha,
    pearson,
    rm_corr,
    spearman,
    weighted_kappa,
    williams_from_correlations,
)
from emoclip_clinic.agreement.dependent import fisher_z, williams_t
from emoclip_clinic.agreement.kappas import kappa_errors
from emoclip_clinic.agreement.mean_squares import FORMS, complete_forms
from emoclip_clinic.agreement.random_intercept import fit_random_intercept
from emoclip_clinic.agreement.rank_concordance import concordance
from emoclip_clinic.agreement.reml import cell_sums, fit_components

pytestmark = pytest.mark.oracle

N_ENTRIES = 168
CLOSED_FORM = 1e-8
ITERATIVE = 1e-5

# Part of an entry -> why the statistics of agreement do not compute it.
LABELS = "a label of the form, not a number"
NOT_OURS = (
    "coefficients and fitted values of a ridge regression: reproduced by the tests of the regression room"
)
EXCLUDED = {
    "model": LABELS,
    "type": LABELS,
    "unit": LABELS,
    "coef": NOT_OURS,
    "intercept_at_mean": NOT_OURS,
    "fit": NOT_OURS,
    "oof": NOT_OURS,
}


def column(frame: pd.DataFrame, statistic: str, name: str = "estimate") -> float:
    return float(frame.set_index("statistic").loc[statistic, name])


class Entry:
    """One entry of the file with its input as a table."""

    def __init__(self, entry: dict[str, Any], inputs: Path) -> None:
        self.stat, self.tool, self.expected = entry["stat"], entry["tool"], entry["values"]
        path = inputs / f"{entry['dataset']}.csv"
        self.table = pd.read_csv(path) if path.exists() else pd.DataFrame()

    @property
    def x(self) -> pd.Series:
        return self.table.iloc[:, 0].astype(float)

    @property
    def y(self) -> pd.Series:
        return self.table.iloc[:, 1].astype(float)


def limits(frame: pd.DataFrame, statistic: str) -> dict[str, float]:
    return {"lb": column(frame, statistic, "ci_low"), "ub": column(frame, statistic, "ci_high")}


def icc_values(entry: Entry, form: str, **options: Any) -> dict[str, Any]:
    frame = icc(entry.table, missing="listwise", **options)
    complete = entry.table.dropna().to_numpy(dtype=float)
    convention = options.get("convention", "psych")
    parts = complete_forms(complete, confidence=0.95, convention=convention)[FORMS.index(form)]
    return {
        "n": int(column(frame, form, "n")),
        "k": complete.shape[1],
        "ICC": column(frame, form),
        "p": column(frame, form, "p"),
        "F": parts.f,
        "df1": parts.df1,
        "df2": parts.df2,
        **limits(frame, form),
    }


PSYCH_FORMS = dict(zip(("ICC1", "ICC2", "ICC3", "ICC1k", "ICC2k", "ICC3k"), FORMS, strict=True))


def psych_icc(entry: Entry) -> dict[str, Any]:
    return icc_values(entry, PSYCH_FORMS[entry.stat])


def irr_icc(entry: Entry) -> dict[str, Any]:
    k = entry.table.shape[1]
    form = "ICC(k)" if entry.stat == f"ICC({k})" else entry.stat.replace(f",{k})", ",k)")
    return icc_values(entry, form, convention="irr")


def cronbach_alpha(entry: Entry) -> dict[str, Any]:
    return {"alpha": column(icc(entry.table, missing="listwise"), "ICC(C,k)")}


def irr_kendall(entry: Entry) -> dict[str, Any]:
    frame = kendall_w(entry.table)
    chi_square = concordance(entry.table.dropna().to_numpy(dtype=float), correct_ties=True)[1]
    return {"W": column(frame, "Kendall's W"), "p": column(frame, "Kendall's W", "p"), "chisq": chi_square}


def kripp_alpha(entry: Entry) -> dict[str, Any]:
    level = entry.stat.rsplit("_", 1)[1]
    frame = krippendorff_alpha(entry.table, level=level, convention="irr", n_resamples=0)
    return {"alpha": float(frame["estimate"].iloc[0])}


def lme4_components(entry: Entry) -> dict[str, Any]:
    # lme4's row for incomplete data was fitted to complete subjects only.
    ratings = entry.table.dropna().to_numpy(dtype=float)
    fitted = fit_components(cell_sums(ratings - ratings.mean()))
    subject, rater, residual = (float(v[0]) for v in (fitted.subject, fitted.rater, fitted.residual))
    return {
        "subject": subject,
        "rater": rater,
        "residual": residual,
        "ICC21_reml": subject / (subject + rater + residual),
        "singular": bool((fitted.shares == 0).any()),
    }


def errors(entry: Entry) -> dict[str, Any]:
    frame = error_metrics(entry.x, entry.y, n_resamples=0)
    return {
        "n": int(frame["n"].iloc[0]),
        "MAE": column(frame, "MAE"),
        "RMSE": column(frame, "RMSE"),
        "ME": column(bland_altman(entry.x, entry.y), "bias"),
        "MedAE": column(frame, "median absolute error"),
        "R2_sklearn": column(frame, "R2"),
    }


def cor_pearson(entry: Entry) -> dict[str, Any]:
    frame = pearson(entry.x, entry.y)
    r, df = column(frame, "Pearson r"), int(frame["n"].iloc[0]) - 2
    t = r * math.sqrt(df / (1 - r * r))
    return {"r": r, "df": df, "t": t, "p": column(frame, "Pearson r", "p"), **limits(frame, "Pearson r")}


def cor_spearman(entry: Entry) -> dict[str, Any]:
    frame = spearman(entry.x, entry.y)
    return {"rho": column(frame, "Spearman rho"), "p": column(frame, "Spearman rho", "p")}


def cor_kendall(entry: Entry) -> dict[str, Any]:
    frame = kendall(entry.x, entry.y)
    tau, p = column(frame, "Kendall tau-b"), column(frame, "Kendall tau-b", "p")
    return {"tau": tau, "p": p, "z": math.copysign(stats.norm.isf(p / 2), tau)}


def lin_ccc(entry: Entry) -> dict[str, Any]:
    interval = "asymptotic" if entry.stat == "ccc_asymptotic_ci" else "z"
    frame = ccc(entry.x, entry.y, interval=interval, components=True)
    return {
        "ccc": column(frame, "CCC"),
        "scale_shift_u": column(frame, "scale shift"),
        "location_shift": column(frame, "location shift"),
        "C_b": column(frame, "bias correction factor C_b"),
        **limits(frame, "CCC"),
    }


def ols(entry: Entry) -> dict[str, Any]:
    # The reference regresses the second column on the first.
    frame = calibration(entry.y, entry.x)
    return {
        "slope": column(frame, "calibration slope"),
        "intercept": column(frame, "calibration intercept"),
        "r2": column(pearson(entry.x, entry.y), "Pearson r") ** 2,
    }


def bland_altman_leh(entry: Entry) -> dict[str, Any]:
    frame = bland_altman(entry.x, entry.y, multiplier=1.96, limits_interval="bland-altman-1986")
    lower, upper = "lower limit of agreement", "upper limit of agreement"
    return {
        "n": int(frame["n"].iloc[0]),
        "mean_diff": column(frame, "bias"),
        "loa_lower": column(frame, lower),
        "loa_upper": column(frame, upper),
        "sd_diff": column(frame, "SD of differences"),
        "critical_diff": 1.96 * column(frame, "SD of differences"),
        "ci": {
            "lower.limit.ci.lower": column(frame, lower, "ci_low"),
            "lower.limit.ci.upper": column(frame, lower, "ci_high"),
            "mean.diff.ci.lower": column(frame, "bias", "ci_low"),
            "mean.diff.ci.upper": column(frame, "bias", "ci_high"),
            "upper.limit.ci.lower": column(frame, upper, "ci_low"),
            "upper.limit.ci.upper": column(frame, upper, "ci_high"),
        },
    }


def bland_altman_1999(entry: Entry) -> dict[str, Any]:
    frame = bland_altman(entry.x, entry.y, limits_interval="bland-altman-1999")
    lower, upper = "lower limit of agreement", "upper limit of agreement"
    return {
        "mean_diff": column(frame, "bias"),
        "md_lb": column(frame, "bias", "ci_low"),
        "md_ub": column(frame, "bias", "ci_high"),
        "loa_lower": column(frame, lower),
        "loa_upper": column(frame, upper),
        "lower_lb": column(frame, lower, "ci_low"),
        "lower_ub": column(frame, lower, "ci_high"),
        "upper_lb": column(frame, upper, "ci_low"),
        "upper_ub": column(frame, upper, "ci_high"),
    }


def paired_t(entry: Entry) -> dict[str, Any]:
    frame = bland_altman(entry.x, entry.y)
    df = int(frame["n"].iloc[0]) - 1
    half = column(frame, "bias", "ci_high") - column(frame, "bias")
    return {
        "t": column(frame, "bias") / (half / stats.t.ppf(0.975, df)),
        "df": df,
        "p": column(frame, "bias", "p"),
    }


def proportional_bias(entry: Entry) -> dict[str, Any]:
    frame = bland_altman(entry.x, entry.y)
    name = "proportional bias: r of difference and mean"
    return {"r": column(frame, name), "p": column(frame, name, "p")}


KAPPA_WEIGHTS = {"unweighted": "none", "equal": "linear", "squared": "quadratic"}


def cohen_kappa(entry: Entry) -> dict[str, Any]:
    weights = KAPPA_WEIGHTS[entry.stat.rsplit("_", 1)[1]]
    row = weighted_kappa(entry.x, entry.y, weights=weights).iloc[0]
    kappa, _, null_error = kappa_errors(entry.x.to_numpy(), entry.y.to_numpy(), weights)
    return {
        "kappa": row["estimate"],
        "ase": (row["ci_high"] - row["estimate"]) / stats.norm.isf(0.025),
        "z": kappa / null_error,
        "p": row["p"],
    }


def rmcorr(entry: Entry) -> dict[str, Any]:
    frame = rm_corr(entry.table["pH"], entry.table["PaCO2"], cluster=entry.table["Subject"])
    row = frame.iloc[0]
    return {
        "r": row["estimate"],
        "df": int(row["n"] - row["n_clusters"] - 1),
        "p": row["p"],
        **limits(frame, "repeated-measures r"),
    }


def lmer_test(entry: Entry) -> dict[str, Any]:
    subject = entry.table["Subject"]
    frame = calibration(
        entry.table["PaCO2"], entry.table["pH"], cluster=subject, method="random-intercept", slope_null=0
    )
    line = fit_random_intercept(
        entry.table["pH"].to_numpy(), entry.table["PaCO2"].to_numpy(), pd.factorize(subject)[0]
    )
    return {
        "intercept": column(frame, "calibration intercept, random intercept"),
        "slope": column(frame, "calibration slope, random intercept"),
        "slope_se": line.errors[1],
        "df": line.df[1],
        "t": line.coefficients[1] / line.errors[1],
        "p": column(frame, "calibration slope, random intercept", "p"),
        "var_subject": line.subject,
        "var_resid": line.residual,
        "logLik": line.log_likelihood,
    }


def williams(_: Entry) -> dict[str, Any]:
    frame = williams_from_correlations(0.80, 0.70, r23=0.75, n=91)
    return {"t": williams_t(0.80, 0.70, 0.75, 91)[0], "p": float(frame["p"].iloc[0])}


def independent(_: Entry) -> dict[str, Any]:
    # psych::paired.r gives the size of z only.
    frame = fisher_z_test(0.70, 0.85, n1=91, n2=91)
    return {"z": abs(fisher_z(0.70, 0.85, 91, 91)[0]), "p": float(frame["p"].iloc[0])}


def p_adjust(entry: Entry) -> dict[str, Any]:
    p = entry.expected["p"]
    return {
        "p": p,
        "holm": adjust_p(p, method="holm"),
        "BH": adjust_p(p, method="benjamini-hochberg"),
        "bonferroni": adjust_p(p, method="bonferroni"),
    }


def ridge(entry: Entry) -> dict[str, Any]:
    """What agreement can say about the reference's own out-of-fold predictions."""
    if "oof" not in entry.expected:
        return {}
    data = entry.table[["subject", "y"]].assign(oof=entry.expected["oof"])
    means = data.groupby("subject").mean()
    frame = error_metrics(data["y"], data["oof"], cluster=data["subject"], n_resamples=0)
    correlation = pearson(data["y"], data["oof"], cluster=data["subject"], n_resamples=0)
    return {
        "oof_pearson": column(correlation, "Pearson r"),
        "oof_MAE": column(frame, "MAE"),
        "oof_RMSE": column(frame, "RMSE"),
        "subject_mean_pred": means["oof"].to_dict(),
        "subject_level_pearson": column(pearson(means["y"], means["oof"]), "Pearson r"),
        "subject_level_MAE": column(error_metrics(means["y"], means["oof"], n_resamples=0), "MAE"),
    }


# (beginning of the tool, beginning of the statistic), handler, relative tolerance.
HANDLERS: list[tuple[str, str, Callable[[Entry], dict[str, Any]], float]] = [
    ("psych::ICC", "ICC", psych_icc, CLOSED_FORM),
    ("irr::icc", "ICC", irr_icc, CLOSED_FORM),
    ("psych::alpha", "cronbach_alpha", cronbach_alpha, CLOSED_FORM),
    ("irr::kendall", "kendall_W", irr_kendall, CLOSED_FORM),
    ("irr::kripp.alpha", "krippendorff_alpha", kripp_alpha, CLOSED_FORM),
    ("lme4 REML", "varcomp", lme4_components, ITERATIVE),
    ("base R", "errors", errors, CLOSED_FORM),
    ("stats::cor.test", "pearson", cor_pearson, CLOSED_FORM),
    ("stats::cor.test spearman", "spearman", cor_spearman, CLOSED_FORM),
    ("stats::cor.test kendall", "kendall_tau_b", cor_kendall, CLOSED_FORM),
    ("epiR::epi.ccc", "ccc", lin_ccc, CLOSED_FORM),
    ("DescTools::CCC", "ccc", lin_ccc, CLOSED_FORM),
    ("hand: 1/n", "ccc_biased_n", lin_ccc, CLOSED_FORM),
    ("stats::lm", "ols", ols, CLOSED_FORM),
    ("BlandAltmanLeh", "bland_altman", bland_altman_leh, CLOSED_FORM),
    ("hand: Bland&Altman 1999", "bland_altman_1999", bland_altman_1999, CLOSED_FORM),
    ("stats::t.test paired", "paired_t", paired_t, CLOSED_FORM),
    ("stats::cor.test(mean,diff)", "proportional_bias", proportional_bias, CLOSED_FORM),
    ("irr::kappa2", "cohen_kappa", cohen_kappa, CLOSED_FORM),
    ("vcd::Kappa", "cohen_kappa", cohen_kappa, CLOSED_FORM),
    ("rmcorr", "Subject", rmcorr, CLOSED_FORM),
    ("lmerTest", "PaCO2", lmer_test, ITERATIVE),
    ("psych::r.test", "williams_t", williams, CLOSED_FORM),
    ("psych::paired.r", "fisher_z_diff", independent, CLOSED_FORM),
    ("stats::p.adjust", "p_adjust", p_adjust, CLOSED_FORM),
    ("base R closed form", "ridge", ridge, CLOSED_FORM),
    ("MASS::lm.ridge", "coef", ridge, CLOSED_FORM),
]


def handler_of(tool: str, stat: str) -> tuple[Callable[[Entry], dict[str, Any]], float]:
    found = [(h, tol) for t, s, h, tol in HANDLERS if tool.startswith(t) and stat.startswith(s)]
    assert len(found) == 1, f"{tool} | {stat}: {len(found)} handlers"
    return found[0]


@pytest.fixture(scope="module")
def entries(shared: Path) -> list[dict[str, Any]]:
    return json.loads((shared / "statistics" / "expected.json").read_text())


def agree(found: Any, wanted: Any, relative: float, absolute: float) -> bool:
    if isinstance(wanted, dict):
        return set(found) == set(wanted) and all(
            agree(found[k], wanted[k], relative, absolute) for k in wanted
        )
    if isinstance(wanted, bool):
        return bool(found) is wanted
    return bool(np.allclose(found, wanted, rtol=relative, atol=absolute))


def test_the_file_is_the_one_that_the_handlers_were_written_for(entries: list[dict[str, Any]]) -> None:
    assert len(entries) == N_ENTRIES
    for entry in entries:
        handler_of(entry["tool"], entry["stat"])


@pytest.mark.filterwarnings("ignore::emoclip_clinic.agreement.AgreementWarning")
@pytest.mark.parametrize("place", range(N_ENTRIES))
def test_entry_is_reproduced(entries: list[dict[str, Any]], shared: Path, place: int) -> None:
    raw = entries[place]
    handler, relative = handler_of(raw["tool"], raw["stat"])
    found = handler(Entry(raw, shared / "statistics" / "inputs"))
    # irr's kappa2 takes 2 * (1 - pnorm(z)): nothing is left of a p below the rounding of 1.
    absolute = 1e-15 if raw["tool"].startswith("irr::kappa2") else 1e-300
    exact_zero = 1e-13
    for key, wanted in raw["values"].items():
        if key in EXCLUDED:
            continue
        nearly_zero = absolute if not (isinstance(wanted, int | float) and wanted == 0) else exact_zero
        assert agree(found[key], wanted, relative, nearly_zero), f"{raw['dataset']} {raw['tool']} {key}"


def test_each_excluded_part_still_occurs(entries: list[dict[str, Any]]) -> None:
    occurring = {key for entry in entries for key in entry["values"]}
    assert set(EXCLUDED) <= occurring
