"""Peak memory of `extract` on a long recording over that on a short one.

Each recording is extracted in a process of its own, whose largest resident size the operating system reports.

    python benchmarks/memory.py [--minutes 2 10] [--model emoclip-random]

The promise: 10 minutes need at most 1.10 times what 2 minutes need.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from emoclip_clinic.synthetic import Person, interview_frames, write_clip

PROMISED = 1.10
FPS = 25
PROGRAM = """
import json, resource, sys
from pathlib import Path
from emoclip_clinic.extraction import extract_recording
from emoclip_clinic.study import ExtractSettings, read_sidecar
video, model = Path(sys.argv[1]), sys.argv[2]
sidecar = extract_recording(video, study=video.parent, settings=ExtractSettings(model=model, device="cpu"))
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps({
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6,
    "segments": sidecar.segments.n_ok,
    "coverage": sidecar.segments.coverage,
    "seconds": sidecar.seconds,
}))
"""


def loop_of_pictures(minutes: float) -> Iterator[np.ndarray]:
    """Ten seconds of a drawn interview, again and again."""
    pictures = list(interview_frames(Person.from_seed(1), seconds=10, fps=FPS))
    return islice(cycle(pictures), round(minutes * 60 * FPS))


def measure(minutes: float, model: str) -> dict[str, object]:
    """Extract a recording of this length in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        video = write_clip(Path(folder) / "sub-01_beh.mp4", loop_of_pictures(minutes), fps=FPS)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(video), model], check=True, capture_output=True, text=True
        )
    figures: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs=2, default=(2.0, 10.0), metavar=("SHORT", "LONG"))
    parser.add_argument("--model", default="emoclip-random", help="weights by name (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if the promise is missed")
    options = parser.parse_args()
    peaks = []
    for minutes in options.minutes:
        figures = measure(minutes, options.model)
        peaks.append(float(str(figures["peak_mb"])))
        print(
            f"{minutes:5.1f} min of 640 x 360: peak {peaks[-1]:7.1f} MB, {figures['segments']} segments, "
            f"coverage {figures['coverage']:.3f}, seconds {figures['seconds']}"
        )
    ratio = peaks[1] / peaks[0]
    print(f"ratio {ratio:.3f} (promised: at most {PROMISED})")
    return int(options.check and ratio > PROMISED)


if __name__ == "__main__":
    sys.exit(main())
