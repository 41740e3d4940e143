"""How long the numbers of a report take: 30 items and their scores, 200 sessions, two raters.

Promise: a first run takes one or two minutes, a second one seconds, because finished tables are kept. A study
is drawn, fitted with ridge and its baselines, and analysed twice, once with gaps in the ratings (intraclass
correlations are then refitted in every resample). Run: ``python benchmarks/report.py``.
"""

import argparse
import logging
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from emoclip_clinic.regression.fitting import plan_fit, run_fit
from emoclip_clinic.reporting.analysis import FitAnalysis, ReportSettings, analyse_fit
from emoclip_clinic.study.fit_settings import FitSettings
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.scales import load_scale
from tests.regression.written_study import new_study

PROMISED_FIRST_S, PROMISED_SECOND_S = 120, 10


def write_study(folder: Path, *, people: int, sessions: int, gaps: float) -> Study:
    """Write a study of PANSS with embeddings that follow half of the items."""
    rng = np.random.default_rng(0)
    written, scale = new_study(folder), load_scale("panss")
    lines = ["\t".join(["participant_id", "session_id", "rater", *scale.item_ids])]
    table = ["participant_id\tage\tsex\tgroup\tsite"]
    for person in range(people):
        trait = rng.normal(3, 1.2, size=30)
        table.append(
            f"{person:03}\t{rng.integers(18, 70)}\t{'FM'[person % 2]}\t{'ab'[person % 3 == 0]}\t{person % 4}"
        )
        for session in range(1, sessions + 1):
            truth = trait + rng.normal(0, 0.6, size=30)
            embeddings = np.concatenate([truth[:15] + rng.normal(0, 0.5, 15), rng.normal(size=17)])
            written.write(f"sub-{person:03}", f"ses-{session}", embeddings + rng.normal(0, 0.5, size=(8, 32)))
            for rater in "AB":
                if rater == "A" or rng.random() >= gaps:
                    values = np.clip(np.rint(truth + rng.normal(0, 0.6, size=30)), 1, 7).astype(int)
                    lines.append("\t".join([f"{person:03}", str(session), rater, *map(str, values)]))
    written.study.participants_tsv.write_text("\n".join(table) + "\n", encoding="utf-8")
    written.study.phenotype.mkdir()
    (written.study.phenotype / "panss.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written.study


class Stopwatch:
    """Adds up the seconds of each part, as the analysis reports them."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = {}
        self._part, self._since = "reading", time.perf_counter()

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.perf_counter()
        self.parts[self._part] = self.parts.get(self._part, 0.0) + now - self._since
        self._part, self._since = what, now


def timed(study: Study, resamples: int) -> tuple[FitAnalysis, float, Stopwatch]:
    """Analyse a study, with the seconds that it takes."""
    watch, start = Stopwatch(), time.perf_counter()
    analysis = analyse_fit(study, "panss", settings=ReportSettings(resamples=resamples), progress=watch)
    watch("end", 0, 0)
    return analysis, time.perf_counter() - start, watch


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--sessions", type=int, default=2)
    parser.add_argument("--resamples", type=int, default=10_000)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    print(f"{platform.platform()}, {options.people} people x {options.sessions} sessions")
    quick = {"models": "ridge", "permutations": 0, "resamples": 100, "gain": False, "sensitivity": False}
    for gaps in (0.0, 0.3):
        folder = Path(tempfile.mkdtemp())
        study = write_study(folder, people=options.people, sessions=options.sessions, gaps=gaps)
        run_fit(plan_fit(study, load_scale("panss"), FitSettings(**quick, subsamples=0)))
        analysis, first_s, watch = timed(study, options.resamples)
        _, second_s, _ = timed(study, options.resamples)
        kept = first_s < PROMISED_FIRST_S and second_s < PROMISED_SECOND_S
        print(
            f"{len(analysis.items)} items and scores, {len(analysis.models)} models, "
            f"{options.resamples} resamples, {gaps:.0%} of second ratings missing: first {first_s:.1f} s, "
            f"second {second_s:.1f} s "
            f"(promised {PROMISED_FIRST_S} and {PROMISED_SECOND_S}: {'kept' if kept else 'NOT kept'})"
        )
        print("  first: " + ", ".join(f"{name} {spent:.1f} s" for name, spent in watch.parts.items()))
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
