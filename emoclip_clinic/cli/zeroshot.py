"""The verbs of `zeroshot`: class descriptions, and segments or labelled clips against them."""

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emoclip_clinic.cli.console import err, out
from emoclip_clinic.cli.tables import counted, print_table
from emoclip_clinic.cli.verb import ALL_WELL, SOME_FAILED, Call
from emoclip_clinic.errors import SettingsError, ZeroShotError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emoclip_clinic.study.layout import Study
    from emoclip_clinic.zeroshot import DescriptionSet

__all__ = ["check", "evaluate", "list_known", "score", "show", "template"]

_TEMPLATE = """\
# A set of classes to choose between. Save it as protocols/descriptions/my-set.yaml in the study, or give
# its path.
name: my-set
title: What these classes are about
style: movement            # the primary style: each class needs at least one description in it
notes:
  - What a reader must know before using the readings.
classes:
  - id: smile              # name in tables: lower-case letters, digits, - and _
    name: a smile          # how a sentence calls it
    descriptions:          # several are averaged; English, as the weights were trained on it
      - {style: movement, text: "The corners of the mouth move up and the cheeks rise."}
      - {style: movement, text: "A smile spreads and the eyes narrow."}
      - {style: feeling, text: "The person looks pleased."}
  - id: frown
    name: a frown
    descriptions:
      - {style: movement, text: "The eyebrows are drawn down and together."}
      - {style: feeling, text: "The person looks displeased."}
  - id: bitter-smile       # a compound: the mean of its parts, or one sentence that says both
    name: a smile with a frown
    parts: {smile: 1, frown: 1}
"""

ClassesArgument = Annotated[
    str, typer.Argument(metavar="SET", help="Name of a set, or a YAML file.", show_default=False)
]


def list_known(call: Call) -> int:
    """List the sets of class descriptions that can be asked for by name.

    A study's own sets lie in its folder protocols/descriptions, and come before shipped ones of the same
    name.
    """
    from emoclip_clinic.zeroshot import list_descriptions, load_descriptions

    study = call.open_study()
    rows: list[tuple[object, ...]] = []
    broken: list[str] = []
    for entry in list_descriptions(study=study.root):
        try:
            one = load_descriptions(entry.name, study=study.root)
        except ZeroShotError as error:
            broken.append(str(error))
            continue
        rows.append((entry.name, len(one.classes), ", ".join(one.styles), entry.origin, one.title))
    print_table(("set", "classes", "styles", "from", "title"), rows)
    for complaint in broken:
        err.print(complaint, soft_wrap=True)
    return SOME_FAILED if broken else ALL_WELL


def show(call: Call, classes: ClassesArgument) -> int:
    """Show a set: its classes, and every sentence with its style."""
    from emoclip_clinic.zeroshot import load_descriptions

    one = load_descriptions(classes, study=call.open_study().root)
    out.print(f"{one.name}: {one.title}", soft_wrap=True)
    out.print(f"Primary style: {one.style}. Complete styles: {', '.join(one.styles)}.", soft_wrap=True)
    for note in one.notes:
        out.print(f"Note: {note}", soft_wrap=True)
    out.print()
    rows: list[tuple[object, ...]] = []
    for described in one.classes:
        if described.parts:
            parts = ", ".join(f"{part} x {weight:g}" for part, weight in described.parts.items())
            rows.append((described.id, "compound", parts))
        rows += [(described.id, d.style, d.text) for d in described.descriptions]
    print_table(("class", "style", "description"), rows)
    return ALL_WELL


def check(
    call: Call,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A YAML file.", show_default=False)],
) -> int:
    """Check a file of class descriptions and list everything that is wrong with it."""
    from emoclip_clinic.zeroshot import check_description_file

    problems = check_description_file(file, study=call.open_study().root)
    for problem in problems:
        out.print(f"{file}: {problem}", soft_wrap=True)
    err.print(f"{counted(len(problems), 'problem')} found." if problems else "No problem found.")
    return SOME_FAILED if problems else ALL_WELL


def template(call: Call) -> int:
    """Print a file of class descriptions to start from."""
    out.print(_TEMPLATE, end="", markup=False, highlight=False, soft_wrap=True)
    return ALL_WELL


def score(
    call: Call,
    *,
    classes: Annotated[
        str | None,
        typer.Option(
            "--classes",
            metavar="SET",
            help="Name of a set of class descriptions, or a YAML file; `zeroshot list` shows them. "
            "(default: basic-7, unless --prompt is given)",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help='A class of your own as "name: description"; repeat it for more. (default none)',
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="IDS",
            help="Choose between these classes of the set only, separated by commas. (default: all)",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="Name of the readings, for `fit --zeroshot-set NAME`. (default: the set's, with -part for "
            "--only)",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="STYLE",
            help="Style of the descriptions; `name` only names the class. (default: the set's primary style)",
            show_default=False,
        ),
    ] = None,
    compounds: Annotated[
        str,
        typer.Option(
            "--compounds",
            metavar="FORM",
            help="How compounds are made: average (mean of the parts' embeddings) or join (one sentence that "
            "says both). (average, join; default average)",
            show_default=False,
        ),
    ] = "average",
    text_weights: Annotated[
        str | None,
        typer.Option(
            "--text-weights",
            metavar="NAME",
            help="Weights whose text tower reads the descriptions, where those of the video have none. "
            "(default: the weights of the video)",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="NAME",
            help="Where texts are embedded: auto, cpu, cuda, cuda:N or mps. (default auto)",
            show_default=False,
        ),
    ] = "auto",
    force: Annotated[
        bool, typer.Option("--force", help="Score again what has not changed. (default off)")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show classes, sentences and recordings, and stop. (default off)"),
    ] = False,
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines instead of a live bar. (default off)")
    ] = False,
) -> int:
    """Score the segments of a study against class descriptions, without any training on ratings.

    Writes similarity and probability of each class for every usable segment beside the segment tables, and a
    table of sessions into derivatives/emoclip-clinic/zeroshot. Readings are similarities to sentences, not
    ratings: research use only. `fit --features zeroshot` predicts ratings from them.
    """
    if compounds not in ("average", "join"):
        raise SettingsError("--compounds must be average or join", found=compounds)
    study = call.open_study()
    if not dry_run:
        call.log_into(study)
    from emoclip_clinic.encoder import check_weights
    from emoclip_clinic.zeroshot import weights_of_study

    whole = _described(study, classes, prompt or [])
    chosen = _chosen(whole, only, name)
    video_weights, _ = weights_of_study(study)
    if dry_run:
        check_weights(text_weights or video_weights, study=study.root)
        return _plan(study, whole, chosen, style=style, weights=text_weights or video_weights)

    from emoclip_clinic.cli.work_progress import WorkProgress
    from emoclip_clinic.encoder import EmoClip
    from emoclip_clinic.zeroshot import score_study

    model = EmoClip.from_name(text_weights or video_weights, device=device, text=True, study=study.root)
    with WorkProgress(err, plain=no_progress) as progress:
        scored = score_study(
            study,
            model,
            chosen,
            base=whole,
            style=style,
            compounds="join" if compounds == "join" else "average",
            allow_other_weights=text_weights is not None,
            force=force,
            command=_command(
                {
                    "--classes": None if prompt else classes or "basic-7",
                    "--prompt": prompt,
                    "--only": only,
                    "--name": name,
                    "--style": style,
                    "--compounds": compounds if compounds != "average" else None,
                    "--text-weights": text_weights,
                }
            ),
            progress=progress,
        )
    overall = scored.sessions.groupby("class", sort=False)
    print_table(
        ("class", "mean similarity", "mean probability", "share of time", "episodes per minute"),
        [(class_id, *(f"{rows[column].mean():.3f}" for column in _SHOWN)) for class_id, rows in overall],
    )
    n_sessions = len(scored.sessions) // len(scored.classes.ids)
    err.print(
        f"Means over {counted(n_sessions, 'session')}. {counted(scored.n_scored, 'recording')} scored, "
        f"{scored.n_kept} unchanged. Style: {scored.classes.style}.",
        soft_wrap=True,
    )
    if len(scored.classes.ids) == 1:
        err.print(
            "With one class its probability is always 1: give a second one, such as its opposite.",
            soft_wrap=True,
        )
    err.print(f"Results: {study.shown(scored.path)}", soft_wrap=True)
    err.print("Similarities to sentences, not ratings and not a diagnosis. Research use only.")
    return ALL_WELL


def evaluate(
    call: Call,
    clips: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Labelled clips, as `pretrain prepare` makes them of a manifest.",
            show_default=False,
        ),
    ],
    *,
    classes: Annotated[
        str,
        typer.Option(
            "--classes",
            metavar="SET",
            help="Name of a set of class descriptions, or a YAML file. (default basic-7)",
            show_default=False,
        ),
    ] = "basic-7",
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="Weights, as `weights list` shows them. (default emoclip)",
            show_default=False,
        ),
    ] = "emoclip",
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="NAME", help="Only clips of this split. (default: all)", show_default=False
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option(
            "--style",
            metavar="STYLE",
            help="Style of the descriptions. (default: the set's primary style)",
            show_default=False,
        ),
    ] = None,
    compounds: Annotated[
        str,
        typer.Option(
            "--compounds",
            metavar="FORM",
            help="How compounds are made. (average, join; default average)",
            show_default=False,
        ),
    ] = "average",
    all_classes: Annotated[
        bool,
        typer.Option(
            "--all-classes",
            help="Choose among all classes of the set, not only those of the labels. (default off)",
        ),
    ] = False,
    text_weights: Annotated[
        str | None,
        typer.Option(
            "--text-weights",
            metavar="NAME",
            help="Weights whose text tower reads the descriptions, where those of --model have none. "
            "(default: those of --model)",
            show_default=False,
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            "--stride",
            metavar="N",
            min=1,
            help="Every N-th stored frame. (default: what comes nearest to the frame rate of the weights)",
            show_default=False,
        ),
    ] = None,
    windows: Annotated[
        int,
        typer.Option(
            "--windows",
            metavar="N",
            min=1,
            help="Windows of a clip, spread evenly, whose embeddings are averaged. (default 3)",
            show_default=False,
        ),
    ] = 3,
    out_folder: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where tables and the confusion matrix go. (default: zeroshot-SET in FOLDER)",
            show_default=False,
        ),
    ] = None,
    resamples: Annotated[
        int,
        typer.Option(
            "--resamples",
            metavar="N",
            min=100,
            help="Bootstrap samples of sources for the intervals. (default 2000)",
            show_default=False,
        ),
    ] = 2000,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, help="Of the bootstrap. (default 0)", show_default=False),
    ] = 0,
    device: Annotated[
        str,
        typer.Option(
            "--device",
            metavar="NAME",
            help="Where to compute: auto, cpu, cuda, cuda:N or mps. (default auto)",
            show_default=False,
        ),
    ] = "auto",
    no_progress: Annotated[
        bool, typer.Option("--no-progress", help="Plain lines instead of a live bar. (default off)")
    ] = False,
) -> int:
    """Measure how well weights recognise labelled clips by class descriptions alone.

    Prints UAR (mean recall of the classes) and WAR (share of clips that are right) with bootstrap intervals
    over source persons or films, and recall per class. Nothing is trained on these clips; whether the weights
    have seen them in training is for you to know.
    """
    if compounds not in ("average", "join"):
        raise SettingsError("--compounds must be average or join", found=compounds)
    from emoclip_clinic.cli.work_progress import WorkProgress
    from emoclip_clinic.encoder import EmoClip
    from emoclip_clinic.pretraining.data import ClipDataset, Sampling, open_shards
    from emoclip_clinic.pretraining.evaluation import evaluate_zero_shot, write_evaluation
    from emoclip_clinic.zeroshot import load_descriptions

    study = call.open_study()
    descriptions = load_descriptions(classes, study=study.root)
    store = open_shards(clips)
    weights = EmoClip.from_name(model, device=device, text=None if text_weights else True, study=study.root)
    texts = (
        EmoClip.from_name(text_weights, device=device, text=True, study=study.root)
        if text_weights
        else weights
    )
    stored_fps = store.record["settings"].get("sample_fps")
    if stride is None:
        stride = max(1, round(stored_fps / weights.sample_fps)) if stored_fps else 1
    sampling = Sampling(n_frames=weights.segment_frames, stride=stride, n_windows=windows)
    chosen = [i for i, one in enumerate(store.samples) if split is None or one.split == split]
    if not chosen:
        splits = sorted({one.split for one in store.samples if one.split})
        raise SettingsError(
            "There must be clips of the split", found=split, where="--split", hint=", ".join(splits) or None
        )
    dataset = ClipDataset(store, sampling=sampling, indices=chosen)
    with WorkProgress(err, plain=no_progress) as progress:
        evaluation = evaluate_zero_shot(
            dataset,
            weights,
            descriptions,
            text_model=texts,
            style=style,
            compounds="join" if compounds == "join" else "average",
            all_classes=all_classes,
            resamples=resamples,
            seed=seed,
            progress=lambda done, total: progress("embedding clips", done, total),
        )
    folder = out_folder or clips / f"zeroshot-{descriptions.name}"
    facts = {
        "set": descriptions.name,
        "weights": {"name": weights.name, "sha256": weights.weights_sha256},
        "text_weights": {"name": texts.name, "sha256": texts.weights_sha256},
        "clips": str(clips),
        "split": split,
        "sampling": {
            "n_frames": sampling.n_frames,
            "stride": stride,
            "n_windows": windows,
            "short": sampling.short,
            "stored_fps": stored_fps,
            "weights_fps": weights.sample_fps,
        },
    }
    write_evaluation(folder, evaluation, facts=facts)
    table = evaluation.recall.table
    print_table(
        ("measure", "class", "n", "estimate", "interval", "chance"),
        [
            (
                row[0],
                row[1] if isinstance(row[1], str) else None,
                row[2],
                _share(row[3]),
                _interval(row[4], row[5]),
                _share(row[6]),
            )
            for row in table[["measure", "class", "n", "estimate", "ci_low", "ci_high", "chance"]].itertuples(
                index=False, name=None
            )
        ],
    )
    err.print(f"Intervals: {table['ci_method'].iloc[0]}. Style: {evaluation.classes.style}.", soft_wrap=True)
    rate = f" of {stored_fps:g} per second" if stored_fps else ", whose rate is not recorded"
    err.print(
        f"{counted(windows, 'window')} of {sampling.n_frames} frames, every {stride}. of the stored frames"
        f"{rate}; the weights expect {weights.sample_fps:g} per second.",
        soft_wrap=True,
    )
    several = sum(len(one.labels) > 1 for one in dataset.samples)
    if several and descriptions.combine == "none":
        err.print(
            f"Of several labels the first counts ({counted(several, 'clip')}): '{descriptions.name}' makes "
            "no compounds of labels (combine: labels).",
            soft_wrap=True,
        )
    if not math.isnan(evaluation.window_spread):
        err.print(f"UAR of single windows has a standard deviation of {evaluation.window_spread:.3f}.")
    err.print(f"Results: {folder}", soft_wrap=True)
    return ALL_WELL


def _share(value: float) -> str | None:
    return None if math.isnan(value) else f"{value:.3f}"


def _interval(low: float, high: float) -> str | None:
    return None if math.isnan(low) else f"{low:.3f} to {high:.3f}"


def _command(options: "Mapping[str, str | Sequence[str] | None]") -> str:
    words = ["emoclip-clinic", "zeroshot", "score"]
    for option, value in options.items():
        for one in [value] if isinstance(value, str) else value or []:
            words += [option, one]
    return shlex.join(words)


_SHOWN = ("similarity_mean", "probability_mean", "share_of_time", "episodes_per_minute")


def _described(study: "Study", classes: str | None, prompts: list[str]) -> "DescriptionSet":
    from emoclip_clinic.zeroshot import load_descriptions, prompt_descriptions

    if prompts and classes is not None:
        raise SettingsError(
            "Classes come from a set or from prompts",
            found="--classes and --prompt",
            hint="Write the prompts into a YAML file: emoclip-clinic zeroshot template",
        )
    return (
        prompt_descriptions(prompts) if prompts else load_descriptions(classes or "basic-7", study=study.root)
    )


def _chosen(whole: "DescriptionSet", only: str | None, name: str | None) -> "DescriptionSet":
    chosen = whole
    if only is not None:
        part = whole.choose([one.strip() for one in only.split(",") if one.strip()])
        chosen = part.model_copy(update={"name": f"{whole.name}-part"})
    if name is not None:
        if not name.replace("-", "").isalnum() or not name.isascii() or name != name.lower():
            raise SettingsError(
                "A name of readings has lower-case letters, digits and '-'", found=name, where="--name"
            )
        chosen = chosen.model_copy(update={"name": name})
    return chosen


def _plan(
    study: "Study", whole: "DescriptionSet", chosen: "DescriptionSet", *, style: str | None, weights: str
) -> int:
    from emoclip_clinic.study.results import list_results

    rows: list[tuple[object, ...]] = []
    for one in chosen.classes:
        for part in one.parts or [one.id]:
            rows += [(one.id, part, text) for text in whole.texts(part, style=style)]
    print_table(("class", "described by", "sentence"), rows)
    err.print(
        f"{counted(len(list_results(study)), 'recording')} would be read by '{weights}', style "
        f"{style or whole.style}. Nothing was written.",
        soft_wrap=True,
    )
    return ALL_WELL
