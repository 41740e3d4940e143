"""Drawn faces: how fast they come, how well the default detector finds them, how visible movements are.

Promises: 2,000 frames of 64 pixels and 60 interview frames of 640 x 360 pixels per second on one core; 95 %
of faces found; every action unit changes at least 16 of 64 x 64 pixels by more than 12 grey levels. Speed is
told by the processor's time and by the best of several rounds, for a busy machine slows every round.
Run: ``python benchmarks/rendering.py``.
"""

import argparse
import itertools
import platform
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from emoclip_clinic.faces import get_detector
from emoclip_clinic.synthetic.rendering import (
    ACTION_UNITS,
    STYLES,
    Camera,
    ExpressionTrack,
    Identity,
    Light,
    PoseTrack,
    Scene,
    Seat,
    caption,
    draw_clip,
    draw_plan,
    draw_training_class,
    face_boxes,
    render,
    stage,
    vocabulary,
)

WIDTH, HEIGHT = 640, 360


def frames_per_second(draw: Callable[[int], int], rounds: int, per_round: int) -> float:
    """Best of several rounds; `draw` draws the k-th piece and says how many frames it has."""
    draw(0)
    speeds = []
    for r in range(rounds):
        start, n = time.process_time(), 0
        for k in range(per_round):
            n += draw(r * per_round + k)
        speeds.append(n / (time.process_time() - start))
    return max(speeds)


def clip(size_px: int, n_frames: int, k: int) -> int:
    rng = np.random.default_rng(k)
    drawn = draw_clip(rng, identity=Identity.of_pool("bench", k % 50), n_frames=n_frames, size_px=size_px)
    return len(drawn.frames)


def interview(people: int, k: int) -> int:
    rng = np.random.default_rng(k)
    n = 32
    track = ExpressionTrack((0.5 * rng.random((n, len(ACTION_UNITS)))).astype(np.float32))
    pose = PoseTrack.still(n, yaw_deg=np.linspace(-10, 10, n, dtype=np.float32))
    seats = [
        Seat(Identity.of_pool("bench", k), track, pose, centre_x=0.86, face_height=0.3),
        Seat(Identity.of_pool("bench", k + 1), track, pose, centre_x=0.4, face_height=0.5),
    ][-people:]
    return sum(1 for _ in stage(seats, Scene.draw(rng), width=WIDTH, height=HEIGHT))


def speed(rounds: int) -> None:
    print("frames per second of one core's time, best of", rounds, "rounds (captions included for clips)")
    for size_px, n_frames in ((64, 16), (64, 32), (112, 16), (224, 16), (400, 16)):
        per_round = 40 if size_px <= 112 else 10
        value = frames_per_second(lambda k, s=size_px, n=n_frames: clip(s, n, k), rounds, per_round)
        print(f"  clips of {n_frames} frames at {size_px:3d} px  {value:7.0f}")
    for people in (1, 2):
        value = frames_per_second(lambda k, p=people: interview(p, k), rounds, 2)
        print(f"  interview {WIDTH} x {HEIGHT}, {people} in the picture  {value:7.0f}")


def visibility(n_people: int) -> None:
    print(f"\npixels of 64 x 64 that change by more than 12 levels, {n_people} people and scenes, no noise")
    scenes = [replace(Scene.draw(np.random.default_rng(k)), camera=Camera(noise=0)) for k in range(n_people)]
    people = [Identity.of_pool("bench", k) for k in range(n_people)]
    rest = [
        render(who, ExpressionTrack.neutral(1), PoseTrack.still(1), scene)[0].astype(float)
        for who, scene in zip(people, scenes, strict=True)
    ]
    for unit in ACTION_UNITS:
        track = ExpressionTrack.of({unit: 1.0}, n_frames=1)
        changed = [
            int((np.abs(render(who, track, PoseTrack.still(1), scene)[0] - still).mean(-1) > 12).sum())
            for who, scene, still in zip(people, scenes, rest, strict=True)
        ]
        print(f"  {unit:20s} median {np.median(changed):4.0f}   least {min(changed):4d}")


def detection(n_people: int) -> None:
    """Every person in every pose and light."""
    detector = get_detector("mtcnn")
    poses = list(itertools.product((-30, -15, 0, 15, 30), (-12, 0, 12)))
    lights = [Light(x=x, y=0.5, contrast=0.55, brightness=b) for x in (-0.8, 0.8) for b in (0.75, 1.1)]
    found = others = n = 0
    by_yaw: dict[int, list[bool]] = {}
    for k in range(n_people):
        rng = np.random.default_rng([0xDE7E, k])
        for yaw, pitch in poses:
            light = lights[int(rng.integers(len(lights)))]
            scene = replace(Scene.draw(rng), light=light)
            units = rng.random((1, len(ACTION_UNITS))) * (rng.random((1, len(ACTION_UNITS))) < 0.15)
            seat = Seat(
                Identity.of_pool("bench", k),
                ExpressionTrack(units.astype(np.float32)),
                PoseTrack.still(1, yaw_deg=yaw, pitch_deg=pitch, roll_deg=float(rng.uniform(-12, 12))),
                centre_x=float(rng.uniform(0.25, 0.75)),
                centre_y=float(rng.uniform(0.35, 0.5)),
                face_height=float(rng.uniform(0.2, 0.6)),
            )
            faces = detector.detect(next(stage([seat], scene, width=WIDTH, height=HEIGHT)))
            box = face_boxes(seat, width=WIDTH, height=HEIGHT)[0]
            hits = [overlap(np.asarray(one, float), box) > 0.5 for one in faces.boxes]
            n += 1
            found += any(hits)
            others += len(hits) - sum(hits)
            by_yaw.setdefault(abs(yaw), []).append(any(hits))
    print(f"\ndetector mtcnn at {WIDTH} x {HEIGHT}: {found} of {n} faces found ({found / n:.1%}),", end=" ")
    print(f"{others} boxes elsewhere; {n_people} people x {len(poses)} poses, lights drawn")
    for yaw, hits in sorted(by_yaw.items()):
        print(f"  yaw {yaw:2d} degrees: {np.mean(hits):.1%} of {len(hits)}")


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    size = np.clip(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0, None)
    inside = float(size.prod())
    return inside / (float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - inside)


def words(n_clips: int) -> None:
    rng = np.random.default_rng(0)
    told = []
    for k in range(n_clips):
        plan = draw_plan(
            rng,
            draw_training_class(rng),
            identity=Identity.of_pool("bench", k % 500),
            scene=Scene.draw(rng),
            seconds=2.0,
        )
        told += [caption(plan, rng, style=style) for style in STYLES]
    counted = vocabulary(told)
    print(
        f"\ncaptions of {n_clips} training clips, {len(STYLES)} styles each: {counted.n_captions},", end=" "
    )
    print(f"{counted.n_distinct_captions} distinct; {counted.n_distinct_words} words,", end=" ")
    print(f"{counted.mean_words:.1f} words each, the longest {counted.longest}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=40, help="people of the detection's grid")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of the timing")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    versions = f"Python {platform.python_version()}, OpenCV {cv2.__version__}, numpy {np.__version__}"
    print(f"{platform.processor() or platform.machine()}, {versions}")
    speed(options.rounds)
    visibility(40)
    words(5000)
    detection(options.people)
