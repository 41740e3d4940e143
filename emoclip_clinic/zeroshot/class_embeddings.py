"""From class descriptions to one embedding per class: several sentences averaged, compounds made of parts.

A class with several descriptions is the mean of their L2-normalised text embeddings, normalised again. A
compound is, as in the paper, the mean of its parts' embeddings (``average``), or one sentence that says both
(``join``).

References
----------
Foteinopoulou and Patras (2024). EmoCLIP: a vision-language method for zero-shot video facial expression
recognition. FG 2024, arXiv:2310.16640.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from emoclip_clinic.errors import ZeroShotError
from emoclip_clinic.zeroshot.descriptions import DescribedClass, DescriptionSet

__all__ = ["ClassEmbeddings", "CompoundForm", "TextEncoder", "embed_classes", "unit_rows"]

CompoundForm = Literal["average", "join"]


class TextEncoder(Protocol):
    """What this module needs of a model: texts to embeddings, see `EmoClip.encode_text`."""

    def encode_text(self, texts: Sequence[str]) -> object:
        """Embed texts; returns an array or tensor of shape (C, D)."""


@dataclass(frozen=True)
class ClassEmbeddings:
    """One vector per class.

    Attributes
    ----------
    ids : tuple of str
        Ids of the K classes.
    vectors : ndarray of shape (K, D), float64
        L2-normalised embeddings.
    style : str
        Style of the descriptions.
    compounds : {"average", "join"}
        How compounds were made.
    texts : dict of str to tuple of str
        The sentences behind each class.
    """

    ids: tuple[str, ...]
    vectors: NDArray[np.float64]
    style: str
    compounds: CompoundForm
    texts: dict[str, tuple[str, ...]]


def embed_classes(
    encoder: TextEncoder,
    descriptions: DescriptionSet,
    *,
    base: DescriptionSet | None = None,
    style: str | None = None,
    compounds: CompoundForm = "average",
    weighted: bool = True,
    leave_out: int | None = None,
) -> ClassEmbeddings:
    """Embed every class of a set.

    Parameters
    ----------
    encoder : TextEncoder
        A model with a text tower.
    descriptions : DescriptionSet
        The classes to choose between.
    base : DescriptionSet, optional
        Where the parts of compounds are described; by default the same set.
    style : str, optional
        Style of the descriptions; by default the primary one.
    compounds : {"average", "join"}
        Mean of the parts' embeddings, or embedding of sentences that say all parts.
    weighted : bool
        Whether the mean uses the weights of the parts; else all count the same.
    leave_out : int, optional
        Leave this description of every class out, counted from 0 and modulo their number, where a class has
        more than one: how much a result depends on one sentence.

    Returns
    -------
    ClassEmbeddings
        One L2-normalised vector per class.

    Raises
    ------
    ZeroShotError
        If a class has no description in the style, or embeddings are not finite.
    WeightsError
        If the model has no text tower.
    """
    whole = base or descriptions
    chosen = style or descriptions.style
    said = {
        one.id: _sentences(one, whole, chosen, compounds, leave_out)
        for one in descriptions.classes
        if not one.parts or compounds == "join"
    }
    for one in descriptions.classes:
        for part in one.parts if compounds == "average" else ():
            said.setdefault(part, _sentences(whole.get(part), whole, chosen, compounds, leave_out))
    texts = list(dict.fromkeys(text for sentences in said.values() for text in sentences))
    vectors = np.asarray(encoder.encode_text(texts), dtype=np.float64)
    if vectors.shape[0] != len(texts) or not np.isfinite(vectors).all():
        raise ZeroShotError("Text embeddings must be finite, one per text", found=str(vectors.shape))
    row = dict(zip(texts, unit_rows(vectors), strict=True))
    single = {
        class_id: unit_rows(np.mean([row[text] for text in sentences], axis=0)[None])[0]
        for class_id, sentences in said.items()
    }
    stacked = np.stack(
        [
            single[one.id]
            if one.id in single
            else np.average(
                [single[part] for part in one.parts],
                axis=0,
                weights=list(one.parts.values()) if weighted else None,
            )
            for one in descriptions.classes
        ]
    )
    behind = {
        one.id: said[one.id] if one.id in said else tuple(text for part in one.parts for text in said[part])
        for one in descriptions.classes
    }
    return ClassEmbeddings(descriptions.ids, unit_rows(stacked), chosen, compounds, behind)


def unit_rows(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scale rows to length 1.

    Parameters
    ----------
    vectors : ndarray of shape (N, D)
        Vectors.

    Returns
    -------
    ndarray of shape (N, D), float64
        Rows of length 1.

    Raises
    ------
    ZeroShotError
        If a row has no direction, because all its numbers are 0.
    """
    values = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    if (norms == 0).any():
        raise ZeroShotError(
            "An embedding must have a direction",
            found=f"only zeros in row {int(np.flatnonzero(norms[:, 0] == 0)[0])}",
        )
    unit: NDArray[np.float64] = values / norms
    return unit


def _sentences(
    one: DescribedClass,
    whole: DescriptionSet,
    style: str,
    compounds: CompoundForm,
    leave_out: int | None,
) -> tuple[str, ...]:
    if one.parts and compounds == "join":
        columns = [_sentences(whole.get(part), whole, style, compounds, leave_out) for part in one.parts]
        longest = max(map(len, columns))
        return tuple(" ".join(column[i % len(column)] for column in columns) for i in range(longest))
    texts = whole.texts(one.id, style=style)
    if leave_out is None or len(texts) < 2:
        return texts
    return tuple(text for i, text in enumerate(texts) if i != leave_out % len(texts))
