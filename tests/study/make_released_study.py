"""Write the small study of the present format version that later releases must still read.

Run once per version, before its release: ``python -m tests.study.make_released_study`` from the repository.
"""

import shutil
from pathlib import Path

from emoclip_clinic.errors import VideoError
from emoclip_clinic.study.dataset_description import write_dataset_description
from emoclip_clinic.study.formats import FORMAT_VERSION
from emoclip_clinic.study.identifiers import write_identifiers
from emoclip_clinic.study.layout import Study
from emoclip_clinic.study.settings import ExtractSettings, write_settings
from emoclip_clinic.study.sidecar import FailedRecord, InputRecord, RecordingRecord, write_failed
from emoclip_clinic.study.status import write_status

from .conftest import ResultMaker


def make(root: Path) -> None:
    """Two results and a failure; the videos themselves are not kept."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    study = Study(root)
    maker = ResultMaker(study)
    done = [maker("sub-01_ses-1_task-talk"), maker("sub-P-02")]
    broken = maker.recording("sub-03")
    write_failed(
        study.failed_path(broken),
        FailedRecord(
            recording=RecordingRecord.of(broken),
            input=InputRecord.of(broken.path, study=study, sha256="d" * 64),
            settings={},
            stage="decode",
            **FailedRecord.said_by(VideoError("The file must hold a video", found="no video stream")),
        ),
    )
    write_identifiers(study, [*done, broken])
    write_status(study)
    write_dataset_description(study)
    write_settings(study.settings_toml, ExtractSettings(sample_fps=5.0, segment_frames=4, stride_frames=4))
    shutil.rmtree(root / "interviews")


if __name__ == "__main__":
    make(Path(__file__).parent / "released" / f"format-{FORMAT_VERSION}")
