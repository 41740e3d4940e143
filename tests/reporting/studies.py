"""Whole small studies with a real fit: embeddings and ratings are drawn, all else is as users have it."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from emoclip_clinic.regression.fitting import plan_fit, run_fit
from emoclip_clinic.study.fit_settings import FitSettings
from emoclip_clinic.study.identifiers import clean_label
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.scales import Scale, load_scale
from tests.regression.written_study import new_study

ITEMS = ("cains9", "cains10", "cains11", "cains12")
SCORE = "exp"
FLOOR = "cains9"
"""Nearly everybody is at the minimum."""
CHANCE = "cains12"
"""Does not follow the embedding."""


@dataclass(frozen=True)
class Recipe:
    """How a study is drawn.

    Parameters
    ----------
    people : tuple of str
        Identifiers as the investigator writes them.
    sessions : int
        Planned sessions of each.
    raters : tuple of str
    strength : float
        How strongly the embedding follows the ratings; 0 for a null study.
    lost : float
        Share of follow-up sessions without a video, without a rating, or with too little video.
    varying_raters : bool
        Each session has two of the raters.
    groups, sites : tuple of str
        Values of the columns of participants.tsv.
    fit : dict
        Settings of the fit beside the quick ones.
    """

    people: tuple[str, ...]
    sessions: int = 2
    raters: tuple[str, ...] = ("Adams", "Brown")
    strength: float = 2.0
    lost: float = 0.0
    varying_raters: bool = False
    groups: tuple[str, ...] = ("patient", "control")
    sites: tuple[str, ...] = ("Berlin", "London")
    seed: int = 5
    fit: dict[str, object] = field(default_factory=dict)


def _numbered(n: int) -> tuple[str, ...]:
    return tuple(f"{number:03}" for number in range(1, n + 1))


_GOOD = Recipe(_numbered(48), fit={"gain": True, "sensitivity": True, "subsamples": 10})
HOSTILE = (
    "<b>Müller</b>, 1", "=1+1", "Ünal; Ö.", "@SUM(A1)", "+49 30", '"quoted" & co', "<script>x(7)</script>",
    "O'Brien", "a|b$c^2", "%_x{y}", "Ægir\\9", "ß-12",
)  # fmt: skip
"""Identifiers that a table, a page or a spreadsheet could take for something else."""

RECIPES = {
    "good": _GOOD,
    "null": replace(_GOOD, strength=0.0, seed=8, fit={}),
    "twelve": replace(_GOOD, people=_numbered(12), sessions=1, seed=9, fit={}),
    "one rater": replace(_GOOD, people=_numbered(30), raters=("Adams",), groups=(), seed=10, fit={}),
    "missing sessions": replace(_GOOD, people=_numbered(42), sessions=3, lost=0.35, varying_raters=True,
                                raters=("Adams", "Brown", "Clark"), seed=11, fit={}),
    "hostile": replace(
        _GOOD, people=HOSTILE, raters=("<i>Dr. Müller</i>, A.", "=HYPERLINK(1)"), seed=12, fit={},
        groups=("<b>patient</b>", "control, n.o.s."), sites=("Zürich & Co", "=cmd|' /C calc'!A0"),
    ),
    "repeated k-fold": replace(_GOOD, people=_numbered(30), seed=13,
                               fit={"outer": "kfold", "n_splits": 5, "n_repeats": 3}),
    "change": replace(_GOOD, people=_numbered(40), sessions=3, seed=14,
                      fit={"target": "change", "baseline": "ses-1"}),
}  # fmt: skip
"""Recipes by name."""


@dataclass(frozen=True)
class ReportStudy:
    """A study with one finished fit.

    Attributes
    ----------
    study : Study
    scale : Scale
    fit : str
        Name of the fit.
    """

    study: Study
    scale: Scale
    fit: str

    @property
    def folder(self) -> Path:
        """The fit's folder."""
        return self.study.fits / self.fit


def make_study(folder: Path, recipe: Recipe, *, fit: bool = True) -> ReportStudy:
    """Write a study and fit it.

    Parameters
    ----------
    folder : Path
        Where; it is made.
    recipe : Recipe
        One of `RECIPES`, or another.
    fit : bool
        Whether to run the fit.

    Returns
    -------
    ReportStudy
    """
    rng = np.random.default_rng(recipe.seed)
    written, scale = new_study(folder), load_scale("cains")
    columns = ["participant_id", "age", "sex", *(["group"] if recipe.groups else []), "site"]
    people, ratings = [columns], [["participant_id", "session_id", "rater", *scale.item_ids]]
    for number, person in enumerate(recipe.people):
        group = recipe.groups[number % len(recipe.groups)] if recipe.groups else None
        people.append([person, str(rng.integers(19, 72)), "FM"[number // 2 % 2], *([group] if group else []),
                       recipe.sites[number // 3 % len(recipe.sites)]])  # fmt: skip
        shift = 0.2 if group is None else 0.8 if group == recipe.groups[0] else -0.3
        trait = rng.normal(1.6 + shift, 0.9, size=len(scale.item_ids))
        for session in range(1, recipe.sessions + 1):
            truth = trait + rng.normal(-0.2 * session, 0.6, size=trait.size)
            lost = rng.choice(3) if session > 1 and rng.random() < recipe.lost else None
            if lost != 0:
                _write_video(written, person, session, truth, recipe, rng, n=3 if lost == 1 else 8)
            if lost != 2:
                ratings += _ratings(person, session, truth, recipe, scale, rng)
    _write_table(written.study.participants_tsv, people)
    written.study.phenotype.mkdir(exist_ok=True)
    _write_table(written.study.phenotype / "cains.tsv", ratings)
    settings = {"models": "ridge", "items": ",".join((*ITEMS, SCORE)), "permutations": 99}
    settings |= {"resamples": 200, "gain": False, "sensitivity": False, "subsamples": 0}
    name = "cains-change" if "baseline" in recipe.fit else "cains"
    if fit:
        run_fit(plan_fit(written.study, scale, FitSettings(**(settings | recipe.fit))))
    return ReportStudy(written.study, scale, name)


def _write_video(written, person, session, truth, recipe, rng, *, n) -> None:
    """Segments whose first dimensions follow three of the items."""
    followed = truth[[9, 10, 8]]  # cains10, cains11, cains9
    embeddings = rng.normal(size=(n, 6))
    embeddings[:, :3] += recipe.strength * (followed + rng.normal(0, 0.35, size=3))
    label = clean_label(person, kind="participant")
    written.write(
        f"sub-{label}",
        f"ses-{session}",
        embeddings,
        frames={"brightness": list(rng.uniform(60, 190, size=3))},
        video=f"{written.study.root} {person} {session}",
    )


def _ratings(person, session, truth, recipe, scale, rng) -> list[list[str]]:
    raters = list(recipe.raters)
    if recipe.varying_raters:
        raters = sorted(rng.choice(raters, size=2, replace=False))
    rows = []
    for rater in raters:
        bias = 0.15 * recipe.raters.index(rater)
        values = np.clip(np.rint(truth + bias + rng.normal(0, 0.45, size=truth.size)), 0, 4).astype(int)
        values[8] = int(values[8] > 3)  # cains9: nearly all at the minimum
        rows.append([person, str(session), rater, *map(str, values)])
    return rows


def _write_table(path: Path, rows: list[list[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
