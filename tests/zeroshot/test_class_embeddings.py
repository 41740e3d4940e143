"""One embedding per class, against a naive transcription."""

import numpy as np
import pytest

from emoclip_clinic.errors import ZeroShotError
from emoclip_clinic.zeroshot import DescriptionSet, embed_classes
from emoclip_clinic.zeroshot.class_embeddings import unit_rows
from tests.zeroshot.conftest import WordlessModel


def unit(vector: np.ndarray) -> np.ndarray:
    vector = np.asarray(vector, dtype=np.float32).astype(np.float64)
    return vector / np.sqrt((vector**2).sum())


def mean_of(model: WordlessModel, *texts: str) -> np.ndarray:
    total = np.zeros(6)
    for text in texts:
        total = total + unit(model.vector(text))
    mean = total / len(texts)
    return mean / np.sqrt((mean**2).sum())


def test_a_class_is_the_mean_of_its_descriptions(model: WordlessModel, toy_set: DescriptionSet) -> None:
    found = embed_classes(model, toy_set)
    np.testing.assert_allclose(found.vectors[0], mean_of(model, "Corners up.", "Cheeks rise."), rtol=1e-12)
    np.testing.assert_allclose(found.vectors[1], mean_of(model, "Brows down."), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-12)
    assert found.ids == ("smile", "frown", "bitter")


def test_a_compound_is_the_weighted_mean_of_its_parts(model: WordlessModel, toy_set: DescriptionSet) -> None:
    smile, frown = mean_of(model, "Corners up.", "Cheeks rise."), mean_of(model, "Brows down.")
    weighted = 0.75 * smile + 0.25 * frown
    plain = (smile + frown) / 2
    found = embed_classes(model, toy_set)
    np.testing.assert_allclose(found.vectors[2], weighted / np.linalg.norm(weighted), rtol=1e-12)
    found = embed_classes(model, toy_set, weighted=False)
    np.testing.assert_allclose(found.vectors[2], plain / np.linalg.norm(plain), rtol=1e-12)


def test_a_joined_compound_says_all_parts_in_one_sentence(
    model: WordlessModel, toy_set: DescriptionSet
) -> None:
    found = embed_classes(model, toy_set, compounds="join")
    texts = ("Corners up. Brows down.", "Cheeks rise. Brows down.")
    assert found.texts["bitter"] == texts
    np.testing.assert_allclose(found.vectors[2], mean_of(model, *texts), rtol=1e-12)


def test_parts_need_not_be_classes_to_choose_between(model: WordlessModel, toy_set: DescriptionSet) -> None:
    whole = embed_classes(model, toy_set)
    alone = embed_classes(model, toy_set.choose(["bitter"]), base=toy_set)
    np.testing.assert_array_equal(alone.vectors[0], whole.vectors[2])
    assert alone.ids == ("bitter",)


def test_another_style_uses_its_own_sentences(model: WordlessModel, toy_set: DescriptionSet) -> None:
    found = embed_classes(model, toy_set, style="feeling")
    np.testing.assert_allclose(found.vectors[1], mean_of(model, "Cross."), rtol=1e-12)
    assert found.style == "feeling"


def test_a_description_is_left_out_where_there_is_another(
    model: WordlessModel, toy_set: DescriptionSet
) -> None:
    found = embed_classes(model, toy_set, leave_out=1)
    assert found.texts["smile"] == ("Corners up.",)
    assert found.texts["frown"] == ("Brows down.",)
    assert embed_classes(model, toy_set, leave_out=2).texts["smile"] == ("Cheeks rise.",)


def test_each_sentence_is_embedded_once(model: WordlessModel, toy_set: DescriptionSet) -> None:
    embed_classes(model, toy_set)
    assert model.n_texts == 3


def test_an_embedding_without_direction_is_an_error() -> None:
    with pytest.raises(ZeroShotError, match="row 1"):
        unit_rows(np.array([[1.0, 0.0], [0.0, 0.0]]))


def test_embeddings_that_are_not_finite_are_an_error(model: WordlessModel, toy_set: DescriptionSet) -> None:
    model.vector = lambda text: np.full(6, np.nan)  # type: ignore[method-assign]
    with pytest.raises(ZeroShotError, match="finite"):
        embed_classes(model, toy_set)
