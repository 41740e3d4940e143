"""Zero-shot recognition on labelled clips: which description is nearest, and how often that is right."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emoclip_clinic.errors import PretrainingError, ZeroShotError, did_you_mean
from emoclip_clinic.pretraining.data import ClipDataset, Sample
from emoclip_clinic.pretraining.evaluation.clip_embeddings import ClipEmbeddings, embed_clips
from emoclip_clinic.zeroshot import (
    ClassEmbeddings,
    DescriptionSet,
    Recall,
    class_probabilities,
    class_recall,
    class_similarities,
    embed_classes,
    top_class,
)

if TYPE_CHECKING:
    from emoclip_clinic.encoder import EmoClip
    from emoclip_clinic.zeroshot.class_embeddings import CompoundForm

__all__ = ["ZeroShotEvaluation", "classes_of", "evaluate_zero_shot"]


@dataclass(frozen=True)
class ZeroShotEvaluation:
    """What came of an evaluation.

    Attributes
    ----------
    recall : Recall
        UAR, WAR, recall per class, confusion.
    clips : DataFrame
        One row per clip: ``id``, ``source``, ``label``, ``predicted``, and probabilities ``p_<class>``.
    classes : ClassEmbeddings
        The classes, with the sentences behind them.
    inverse_temperature : float
        Factor before the softmax.
    window_spread : float
        Standard deviation of UAR over the windows taken singly; NaN with one window.
    """

    recall: Recall
    clips: pd.DataFrame
    classes: ClassEmbeddings
    inverse_temperature: float
    window_spread: float


def classes_of(samples: Sequence[Sample], descriptions: DescriptionSet) -> tuple[str, ...]:
    """Find the class of each clip in a set of descriptions.

    Parameters
    ----------
    samples : sequence of Sample
        Clips with labels. Several labels are a compound where the set combines labels; else the first counts.
    descriptions : DescriptionSet
        The set.

    Returns
    -------
    tuple of str
        Ids of classes.

    Raises
    ------
    PretrainingError
        If a clip has no label, or labels are no classes of the set; the message counts them.
    """
    without = [sample.id for sample in samples if not sample.labels]
    if without:
        raise PretrainingError(
            "Every clip of an evaluation must have a label",
            found=f"{len(without)} without one, such as {without[0]}",
            hint="Fill the column 'label' of the manifest, or evaluate a split whose clips have labels.",
        )
    combined = descriptions.combine == "labels"
    names = ["_".join(one.labels) if combined else one.labels[0] for one in samples]
    ids: dict[str, str] = {}
    unknown: Counter[str] = Counter()
    for name in names:
        if name in ids:
            continue
        try:
            ids[name] = descriptions.choose([name]).ids[0]
        except ZeroShotError:
            unknown[name] = names.count(name)
    if unknown:
        raise PretrainingError(
            f"Every label must be a class of '{descriptions.name}'",
            found=[f"{name} ({n} clip{'' if n == 1 else 's'})" for name, n in unknown.most_common()],
            hint=f"{did_you_mean(next(iter(unknown)), descriptions.ids)} Aliases stand in the set's file.",
        )
    return tuple(ids[name] for name in names)


def evaluate_zero_shot(
    dataset: ClipDataset,
    model: "EmoClip",
    descriptions: DescriptionSet,
    *,
    text_model: "EmoClip | None" = None,
    style: str | None = None,
    compounds: "CompoundForm" = "average",
    all_classes: bool = False,
    frame_mean: bool = False,
    embeddings: ClipEmbeddings | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ZeroShotEvaluation:
    """Ask of each clip which class description is nearest.

    Parameters
    ----------
    dataset : ClipDataset
        Labelled clips. Nothing is trained on them.
    model : EmoClip
        Weights that embed the clips.
    descriptions : DescriptionSet
        Describes every label.
    text_model : EmoClip, optional
        Weights whose text tower and temperature are taken; by default the same. Others are right only where
        both towers were trained together.
    style : str, optional
        Style of the descriptions; by default the primary one.
    compounds : {"average", "join"}
        How compounds are embedded.
    all_classes : bool
        Whether to choose among all classes of the set; by default among those that the labels have.
    frame_mean : bool
        Whether to leave the temporal part out, see `embed_clips`.
    embeddings : ClipEmbeddings, optional
        Embeddings of the clips, if they are there already.
    confidence, resamples, seed : float, int, int
        Of the bootstrap over sources, see `class_recall`.
    progress : callable, optional
        Told how many clips are done, and of how many.

    Returns
    -------
    ZeroShotEvaluation
        The measures.

    Raises
    ------
    PretrainingError
        If labels are missing or no classes of the set, or clips do not fit the model.
    ZeroShotError
        If there is one class only, or a class is not described in the style.
    WeightsError
        If the model has no text tower.
    """
    labels = classes_of(dataset.samples, descriptions)
    occurring = set(labels)
    order = [one for one in descriptions.ids if all_classes or one in occurring]
    order += sorted(occurring - set(order))
    chosen = descriptions.choose(order)
    texts = text_model or model
    inverse_temperature = texts.inverse_temperature
    classes = embed_classes(texts, chosen, base=descriptions, style=style, compounds=compounds)
    found = embeddings or embed_clips(dataset, model, frame_mean=frame_mean, progress=progress)
    similarities = class_similarities(found.vectors, classes.vectors)
    predicted = top_class(similarities)
    recall = class_recall(
        labels,
        predicted,
        classes.ids,
        sources=dataset.sources,
        confidence=confidence,
        resamples=resamples,
        seed=seed,
    )
    probabilities = class_probabilities(similarities, inverse_temperature=inverse_temperature)
    clips = pd.DataFrame(
        {
            "id": dataset.ids,
            "source": dataset.sources,
            "label": labels,
            "predicted": [classes.ids[k] for k in predicted],
            **{f"p_{name}": probabilities[:, k] for k, name in enumerate(classes.ids)},
        }
    )
    return ZeroShotEvaluation(
        recall, clips, classes, inverse_temperature, _window_spread(found.windows, labels, classes)
    )


def _window_spread(windows: NDArray[np.float64], labels: Sequence[str], classes: ClassEmbeddings) -> float:
    if windows.shape[1] < 2:
        return float("nan")
    truth = np.array([classes.ids.index(label) for label in labels])
    values = []
    for window in range(windows.shape[1]):
        right = top_class(class_similarities(windows[:, window], classes.vectors)) == truth
        values.append(np.mean([right[truth == k].mean() for k in np.unique(truth)]))
    return float(np.std(values, ddof=1))
