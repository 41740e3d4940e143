"""A whole synthetic study with known truth: rendered interviews, ratings, participants, and problems."""

from emoclip_clinic.synthetic.study.problems import KNOWN_PROBLEMS, Problem
from emoclip_clinic.synthetic.study.recordings import StudyRecording, plan_recordings, visible_faces
from emoclip_clinic.synthetic.study.writing import StudyPlan, SyntheticStudy, write_synthetic_study

__all__ = [
    "KNOWN_PROBLEMS",
    "Problem",
    "StudyPlan",
    "StudyRecording",
    "SyntheticStudy",
    "plan_recordings",
    "visible_faces",
    "write_synthetic_study",
]
