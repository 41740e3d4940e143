"""Listing recordings and reading settings is quick: no data frames, no arrays, no videos, no networks."""

import pkgutil
import subprocess
import sys

import emoclip_clinic.study

MODULES = [module.name for module in pkgutil.iter_modules(emoclip_clinic.study.__path__) if not module.ispkg]


def test_no_module_of_the_study_room_imports_anything_heavy() -> None:
    imports = ", ".join(["emoclip_clinic.study", *(f"emoclip_clinic.study.{name}" for name in MODULES)])
    heavy = ("numpy", "pandas", "pyarrow", "av", "cv2", "torch")
    code = f"import {imports}, sys; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_finding_recordings_needs_nothing_heavy_either(tmp_path) -> None:
    (tmp_path / "sub-01_beh.mp4").touch()
    (tmp_path / "recordings.tsv").write_text("path\tparticipant_id\nsub-01_beh.mp4\t7\n")
    code = (
        "import sys; from pathlib import Path; from emoclip_clinic.study import *;"
        " s = Study(Path(sys.argv[1])); load_settings(s.root); build_status(s);"
        " print(find_recordings([s.root], study=s).recordings[0].key,"
        " [m for m in ('numpy','pandas','pyarrow') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "sub-7 []"
