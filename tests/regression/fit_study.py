"""A study with results of extraction and CAINS ratings, of which two items follow the embedding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emoclip_clinic.regression.fitting import FitPlan, plan_fit
from emoclip_clinic.study.fit_settings import FitSettings
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.scales import Scale, load_scale
from tests.regression.written_study import WEIGHTS, WrittenStudy, new_study

PLANTED = ("cains1", "cains2")
CHANCE = "cains3"
QUICK = {
    "models": "ridge",
    "items": "cains1,cains2,cains3",
    "permutations": 99,
    "resamples": 200,
    "gain": False,
    "sensitivity": False,
    "subsamples": 0,
}
"""Settings that keep a fit short."""


@dataclass(frozen=True)
class FitStudy:
    """The study and what was planted in it."""

    study: Study
    scale: Scale

    def plan(self, **settings: object) -> FitPlan:
        """Plan a fit with quick settings, of which some are changed."""
        return plan_fit(self.study, self.scale, FitSettings(**(QUICK | settings)))

    @property
    def folder(self) -> Path:
        """Where the fit goes."""
        return self.study.fits / "cains"


def write_fit_study(
    folder: Path,
    *,
    people: Sequence[str] = tuple(f"{number:02}" for number in range(12)),
    sessions: int = 2,
    seed: int = 3,
    raters: Sequence[str] = ("A",),
    weights_sha256: str = WEIGHTS.sha256,
) -> FitStudy:
    """Write segments whose first two dimensions follow the first two items; nothing else does."""
    rng = np.random.default_rng(seed)
    written, scale = new_study(folder), load_scale("cains")
    ratings = [["participant_id", "session_id", "rater", *scale.item_ids]]
    table = ["participant_id\tage\tsex\tgroup\tsite"]
    for number, person in enumerate(people):
        age = rng.integers(18, 70)
        table.append(
            f"{person}\t{age}\t{'FM'[number % 2]}\t{('patient', 'control')[number % 2]}\t{number % 3}"
        )
        for session in range(1, sessions + 1):
            values = rng.integers(0, 5, size=len(scale.item_ids))
            embeddings = rng.normal(size=(int(rng.integers(6, 10)), 4))
            embeddings[:, :2] += 2.0 * values[:2]
            _write(written, f"sub-{person}", f"ses-{session}", embeddings, rng, weights_sha256)
            ratings += [[person, str(session), rater, *map(str, values)] for rater in raters]
    written.study.participants_tsv.write_text("\n".join(table) + "\n", encoding="utf-8")
    written.study.phenotype.mkdir(exist_ok=True)
    text = "".join("\t".join(row) + "\n" for row in ratings)
    (written.study.phenotype / "cains.tsv").write_text(text, encoding="utf-8")
    return FitStudy(written.study, scale)


def _write(
    written: WrittenStudy,
    participant: str,
    session: str,
    embeddings: np.ndarray,
    rng: np.random.Generator,
    weights_sha256: str,
) -> None:
    written.write(
        participant,
        session,
        embeddings,
        frames={"brightness": list(rng.uniform(50, 200, size=3))},
        video=f"{written.study.root} {participant} {session}",
        weights=WEIGHTS.model_copy(update={"sha256": weights_sha256}),
    )
