"""Write a whole synthetic study: videos in parallel, then tables; what is there already is kept."""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from emoclip_clinic.errors import StudyError
from emoclip_clinic.study.files import write_bytes
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.scales import Scale
from emoclip_clinic.synthetic.cohort import Cohort, draw_cohort
from emoclip_clinic.synthetic.study.problems import Problem, add_problems
from emoclip_clinic.synthetic.study.recordings import StudyRecording, plan_recordings, write_recording
from emoclip_clinic.synthetic.study.tables import TRUTH_FILE, write_study_tables, write_truth

__all__ = ["StudyPlan", "SyntheticStudy", "write_synthetic_study"]

_PLAN_FILE = ".synthetic-study.json"  # what the folder was asked to hold; written first


@dataclass(frozen=True)
class StudyPlan:
    """What a synthetic study is to hold.

    Attributes
    ----------
    participants : int
        At least 6.
    seconds : float
        Length of each video.
    seed : int
        Not negative.
    confounded : bool
        Whether site, camera and symptoms go together.
    with_problems : bool
        Whether some things are wrong on purpose.
    """

    participants: int = 24
    seconds: float = 20.0
    seed: int = 0
    confounded: bool = False
    with_problems: bool = False


@dataclass(frozen=True)
class SyntheticStudy:
    """A study that was written.

    Attributes
    ----------
    study : Study
        Where it is.
    cohort : Cohort
        Who takes part.
    recordings : tuple of StudyRecording
        Its videos.
    problems : tuple of Problem
        What is wrong with it on purpose.
    n_drawn : int
        Videos that were drawn now; the others were there.
    """

    study: Study
    cohort: Cohort
    recordings: tuple[StudyRecording, ...]
    problems: tuple[Problem, ...]
    n_drawn: int


def write_synthetic_study(
    folder: Path,
    scales: tuple[Scale, ...],
    plan: StudyPlan | None = None,
    *,
    workers: int = 1,
    progress: Callable[[str, int, int], None] | None = None,
) -> SyntheticStudy:
    """Write a synthetic study, or what is missing of it.

    Parameters
    ----------
    folder : Path
        Folder of the study: new, empty, or one that the same call began.
    scales : tuple of Scale
        ``panss``, ``cains`` or both; problems go into the first.
    plan : StudyPlan, optional
        Size and seed.
    workers : int
        Processes that draw.
    progress : callable, optional
        Told what is done, how many videos are, and of how many.

    Returns
    -------
    SyntheticStudy
        What was written. Equal for equal plans, whatever the number of processes.

    Raises
    ------
    StudyError
        If the folder holds something else, or the plan is too small.
    """
    plan = plan or StudyPlan()
    cohort = draw_cohort(plan.participants, seed=plan.seed, confounded=plan.confounded)
    recordings = plan_recordings(cohort, seconds=plan.seconds, interviewer_in_front=plan.with_problems)
    _claim(folder, plan)
    study = Study(folder)
    if (folder / TRUTH_FILE).exists():
        return SyntheticStudy(study, cohort, recordings, _noted_problems(folder), 0)
    missing = [one for one in recordings if not (folder / one.path).exists()]
    _draw(folder, missing, workers, progress, before=len(recordings) - len(missing))
    write_study_tables(study, cohort, recordings, scales)
    problems = add_problems(study, recordings, scales[0]) if plan.with_problems else ()
    write_truth(study, cohort, recordings, scales, problems)
    return SyntheticStudy(study, cohort, recordings, problems, len(missing))


def _claim(folder: Path, plan: StudyPlan) -> None:
    """Take a new or empty folder, or go on in one that was begun by the same plan."""
    content = json.dumps(vars(plan), sort_keys=True)
    note = folder / _PLAN_FILE
    if note.is_file():
        if note.read_text(encoding="utf-8") == content:
            return
        raise StudyError(
            "The folder holds a synthetic study of other settings",
            found=note.read_text(encoding="utf-8"),
            where=folder,
            hint="Choose another folder, or remove this one.",
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StudyError(
            "A synthetic study is written into a new or empty folder",
            found="files that were not generated",
            where=folder,
            hint="Choose another folder. Nothing has been written.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            "The study's folder must be writable", found=error.strerror or str(error), where=folder
        ) from error
    write_bytes(note, content.encode())


def _draw(
    folder: Path,
    missing: list[StudyRecording],
    workers: int,
    progress: Callable[[str, int, int], None] | None,
    *,
    before: int,
) -> None:
    total = before + len(missing)

    def tell(done: int) -> None:
        if progress is not None:
            progress("drawing interviews", before + done, total)

    tell(0)
    if workers < 2 or len(missing) < 2:
        for done, one in enumerate(missing, start=1):
            write_recording(folder, one)
            tell(done)
        return
    with ProcessPoolExecutor(min(workers, len(missing)), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(write_recording, folder, one) for one in missing]
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            tell(done)


def _noted_problems(folder: Path) -> tuple[Problem, ...]:
    truth = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))
    return tuple(Problem(**one) for one in truth.get("problems", ()))
