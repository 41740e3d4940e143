"""The verb `extract`: from videos to segment embeddings."""

import inspect
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoclip_clinic.cli.console import err
from emoclip_clinic.cli.recordings import ONLY, PATHS, PATTERN
from emoclip_clinic.cli.setting_options import option_parameters
from emoclip_clinic.cli.tables import clock_text, counted
from emoclip_clinic.cli.verb import ALL_WELL, INTERRUPTED, SOME_FAILED, Call

if TYPE_CHECKING:
    from emoclip_clinic.extraction import ExtractionSummary
    from emoclip_clinic.study import ExtractSettings, Recordings, Study

__all__ = ["extract", "setting_options"]

_FACE, _SEGMENTS, _MODEL = "Face", "Segments", "Model and machine"
_PANELS = {
    "subject_rule": _FACE,
    "detector": _FACE,
    "thumbnails": _FACE,
    "sample_fps": _SEGMENTS,
    "segment_frames": _SEGMENTS,
    "stride_frames": _SEGMENTS,
    "min_coverage": _SEGMENTS,
    "model": _MODEL,
    "device": _MODEL,
    "precision": _MODEL,
    "batch_size": _MODEL,
}


def setting_options() -> list[inspect.Parameter]:
    """Make the options that stand for extraction settings."""
    from emoclip_clinic.study.settings import ExtractSettings

    return option_parameters(ExtractSettings, panels=_PANELS, other_panel="Advanced")


def extract(
    call: Call,
    paths: PATHS = None,
    *,
    overrides: dict[str, object],
    pattern: PATTERN = None,
    only: ONLY = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be done, with a time estimate, and stop.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Compute everything again, also what is up to date.")
    ] = False,
    no_retry: Annotated[
        bool, typer.Option("--no-retry", help="Leave recordings alone that failed before.")
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines instead of live bars.")
    ] = False,
) -> int:
    """Turn interview videos into segment embeddings of the participant's face.

    Works on every recording that has no result yet or whose video, settings or weights have changed. A
    recording that fails does not stop the others. Interrupt with Ctrl-C at any time: the same command goes on
    with the rest.
    """
    from emoclip_clinic.cli.listing import only_participants, print_unassigned
    from emoclip_clinic.study.recordings import find_recordings
    from emoclip_clinic.study.settings import load_settings

    study = call.open_study()
    if not dry_run:
        call.log_into(study)
    settings = load_settings(study.root, config=call.options.config, overrides=overrides)
    found = only_participants(find_recordings(paths or (), study=study, pattern=pattern), only or ())
    if dry_run:
        _print_plan(found, settings, study, force=force, retry=not no_retry)
        return ALL_WELL

    from emoclip_clinic.cli.progress import progress_for
    from emoclip_clinic.extraction import extract_study

    print_unassigned(found, study)
    summary = extract_study(
        study, found, settings, force=force, retry=not no_retry, progress=progress_for(err, plain=no_progress)
    )
    _print_summary(summary, found, study)
    if summary.interrupted:
        return INTERRUPTED
    return SOME_FAILED if summary.n_failed or summary.n_left_alone else ALL_WELL


def _print_plan(
    found: "Recordings", settings: "ExtractSettings", study: "Study", *, force: bool, retry: bool
) -> None:
    from emoclip_clinic.cli.listing import print_recordings, probe_recordings
    from emoclip_clinic.extraction import estimate_seconds, pending_recordings

    pending = pending_recordings(study, found, settings, force=force, retry=retry)
    probed = probe_recordings(found)
    print_recordings(probed, found, study, pending=pending)
    video_s = sum(entry.duration_s or 0.0 for entry in probed if entry.recording in pending)
    err.print(f"To do: {counted(len(pending), 'recording')}, {clock_text(video_s)} of video.")
    estimate = estimate_seconds(pending, settings, study=study)
    if estimate is not None:
        err.print(
            f"About {clock_text(estimate.seconds)} on this machine, by {estimate.basis}.", soft_wrap=True
        )


def _print_summary(summary: "ExtractionSummary", found: "Recordings", study: "Study") -> None:
    counts = {
        "ok": summary.n_ok,
        "without a face": summary.n_no_face,
        "failed": summary.n_failed,
        "up to date": summary.n_skipped,
        "failed before and left alone": summary.n_left_alone,
        "not assigned": summary.n_unassigned,
    }
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    err.print(f"{'Interrupted: ' if summary.interrupted else ''}{said or 'nothing to do'}.")
    if summary.n_ok + summary.n_no_face:
        err.print(f"Results: {study.derivatives}", soft_wrap=True)
    worked_on = {recording.key for recording in found.recordings}
    rows = [row for row in summary.rows if row.recording in worked_on]
    for row in rows:
        if row.status == "failed":
            reason = (row.reason or "").removeprefix(f"{study.root / (row.path or '')}: ")
            err.print(f"  {row.recording}: {reason}", soft_wrap=True)
    flagged = [row.recording for row in rows if row.flags]
    if flagged:
        err.print(f"Look at: {', '.join(flagged)} (flags in status.tsv)", soft_wrap=True)
    shown = "" if study.root == Path.cwd() else f" --study {shlex.quote(str(study.root))}"
    if summary.interrupted:
        err.print("Next: the same command goes on with the rest.")
    elif not found.recordings:
        err.print(f"Next: emoclip-clinic recordings{shown}, and say who is on which video.", soft_wrap=True)
    else:
        err.print(f"Next: emoclip-clinic status{shown}", soft_wrap=True)
