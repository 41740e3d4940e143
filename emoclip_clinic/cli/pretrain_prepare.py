"""The verb `pretrain prepare`: cut the clips of a manifest once, into shards that training reads."""

import inspect
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.setting_options import option_parameters
from emoclip_clinic.cli.tables import clock_text, counted, print_table
from emoclip_clinic.cli.verb import ALL_WELL, SOME_FAILED, Call

if TYPE_CHECKING:
    from emoclip_clinic.pretraining.data import Manifest, Plan, Prepared

__all__ = ["prepare", "setting_options"]

_FACE = "Face"
_FACE_SETTINGS = (
    "detector", "subject_rule", "crop_margin", "resize", "detect_every", "detect_every_stable",
    "detect_long_side_px", "min_score", "min_face_px", "max_gap_s", "min_margin", "reader",
)  # fmt: skip
_PLAIN_LINES_EVERY_S = 15.0
_SKIPPED_SHOWN = 20


def setting_options() -> list[inspect.Parameter]:
    """Make the options that stand for settings of the face pipeline."""
    from emoclip_clinic.study.settings import ExtractSettings

    made = option_parameters(
        ExtractSettings, panels=dict.fromkeys(_FACE_SETTINGS, _FACE), other_panel="Advanced"
    )
    return [option for option in made if option.name in _FACE_SETTINGS]


def prepare(
    call: Call,
    manifest: Annotated[
        Path,
        typer.Argument(
            metavar="MANIFEST",
            help="Table of clips (.parquet, .csv or .tsv): path, caption, label, source, split ...",
        ),
    ],
    *,
    overrides: dict[str, object],
    into: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder for the prepared clips; the same again to go on. (needed)",
            show_default=False,
        ),
    ],
    size: Annotated[
        int,
        typer.Option(
            "--size",
            metavar="PX",
            min=16,
            max=1024,
            help="Side of a crop. (px; 16 to 1024; default 224)",
            show_default=False,
        ),
    ] = 224,
    sample_fps: Annotated[
        float,
        typer.Option(
            "--sample-fps",
            metavar="FPS",
            help="Frames kept per second of video, on which strides of recipes count; for a folder of "
            "pictures, how many of them are a second. (1/s; default 25)",
            show_default=False,
        ),
    ] = 25.0,
    min_coverage: Annotated[
        float | None,
        typer.Option(
            "--min-coverage",
            metavar="SHARE",
            help="Least share of a clip's frames that show the face; gaps hold the nearest crop. "
            "(0 to 1; default 0.75)",
            show_default=False,
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            metavar="DIR",
            help="Folder to which paths are relative. (default: that of the manifest)",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Clips cut side by side. (default: one for each processor)",
            show_default=False,
        ),
    ] = None,
    skip_bad_rows: Annotated[
        bool,
        typer.Option("--skip-bad-rows", help="Leave out rows that cannot be used, instead of refusing all."),
    ] = False,
    no_retry: Annotated[
        bool, typer.Option("--no-retry", help="Leave clips alone that failed before.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the manifest, tell time and disk space needed, and stop."),
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines instead of a live bar.")
    ] = False,
) -> int:
    """Cut the faces of captioned clips once, into files that training reads without decoding.

    Takes videos, folders of frames and pictures that are face crops already, and finds the face as extract
    does. Interrupt with Ctrl-C at any time: the same command goes on with the rest. After a change of the
    manifest only new clips are cut.
    """
    from joblib import cpu_count

    from emoclip_clinic.pretraining.data import ClipFaces, plan_preparation, prepare_clips, read_manifest
    from emoclip_clinic.study.settings import load_settings

    given = {**overrides, "sample_fps": sample_fps}
    if min_coverage is not None:
        given["min_coverage"] = min_coverage
    settings = load_settings(call.options.study, config=call.options.config, overrides=given)
    read = read_manifest(manifest, root=root)
    if not skip_bad_rows:
        read.check()
    n_workers = workers or cpu_count()
    faces = ClipFaces(settings, size)
    plan = plan_preparation(read, into, faces=faces, workers=n_workers)
    if dry_run:
        _print_plan(plan, read, workers=n_workers, retry=not no_retry)
        return ALL_WELL
    with _ClipProgress(err, plain=no_progress) as progress:
        prepared = prepare_clips(plan, workers=n_workers, retry=not no_retry, progress=progress)
    _print_result(prepared)
    return SOME_FAILED if prepared.skipped else ALL_WELL


def _print_plan(plan: "Plan", manifest: "Manifest", *, workers: int, retry: bool) -> None:
    import shutil

    from emoclip_clinic.pretraining.data import estimate_preparation

    rows: list[tuple[object, ...]] = []
    for one in plan.clips:
        state = "prepared" if one.is_cut else "failed before" if one.failed_before else "to do"
        rows.append((one.clip.id, one.clip.source, one.clip.split, len(one.clip.captions), state))
    print_table(("clip", "source", "split", "captions", "state"), rows)
    for problem in manifest.problems:
        err.print(f"{'left out' if problem.is_error else 'note'}: {problem}", soft_wrap=True)
    estimate = estimate_preparation(plan, retry=retry)
    err.print(f"To do: {counted(estimate.n_clips, 'clip')}, {clock_text(estimate.video_s)} of video.")
    if not estimate.n_clips:
        return
    place = next(p for p in (plan.folder.root.absolute(), *plan.folder.root.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    err.print(
        f"Disk: {_size_text(estimate.n_bytes)} needed at most, {_size_text(free)} free.", soft_wrap=True
    )
    if estimate.n_bytes > free:
        err.print("That is too little. A lower --sample-fps or a smaller --size needs less.", soft_wrap=True)
    if estimate.seconds is not None:
        err.print(
            f"About {clock_text(estimate.seconds / workers)} with {counted(workers, 'worker')}, "
            f"by {counted(estimate.n_tried, 'clip')} cut now.",
            soft_wrap=True,
        )


def _print_result(prepared: "Prepared") -> None:
    for sentence in prepared.report.sentences():
        out.print(sentence, soft_wrap=True)
    kept = prepared.n_clips - prepared.n_cut
    err.print(f"{prepared.n_cut} cut now, {kept} were there, {len(prepared.skipped)} left out.")
    for one in prepared.skipped[:_SKIPPED_SHOWN]:
        err.print(f"  {one.id}: {one.reason}", soft_wrap=True)
    more = len(prepared.skipped) - _SKIPPED_SHOWN
    if more > 0:
        err.print(f"  and {more} more")
    if prepared.skipped:
        err.print(f"All of them: {prepared.folder / 'skipped.tsv'}", soft_wrap=True)
    err.print(f"Clips: {prepared.folder}", soft_wrap=True)


def _size_text(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"


class _ClipProgress:
    """A live bar on a terminal, plain lines elsewhere; both with the time that is left."""

    def __init__(self, console: Console, *, plain: bool) -> None:
        self._console = console
        self._n_clips = self._done = self._failed = 0
        self._started = self._told = time.monotonic()
        self._bar: Progress | None = None
        if console.is_terminal and not plain:
            self._bar = Progress(
                TextColumn("clips", markup=False),
                BarColumn(),
                TextColumn("{task.fields[note]}", markup=False),
                console=console,
                transient=True,
            )
            self._task = self._bar.add_task("clips", total=None, note="")

    def __enter__(self) -> "_ClipProgress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def start(self, n_clips: int) -> None:
        """Begin."""
        self._n_clips = n_clips
        self._started = self._told = time.monotonic()
        if self._bar is None:
            self._console.print(f"{counted(n_clips, 'clip')} to cut")

    def clip_done(self, clip_id: str, reason: str | None, video_s: float) -> None:
        """Count a clip."""
        self._done += 1
        self._failed += reason is not None
        now = time.monotonic()
        left_s = (now - self._started) / self._done * (self._n_clips - self._done)
        failed = f", {self._failed} left out" if self._failed else ""
        note = f"{self._done} of {self._n_clips}{failed}, {clock_text(left_s)} left"
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, total=self._n_clips, note=note)
        elif now - self._told >= _PLAIN_LINES_EVERY_S:
            self._told = now
            self._console.print(f"[{clock_text(now - self._started)}] {note}", soft_wrap=True)
