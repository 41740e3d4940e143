"""Classes and captions: what is held out never comes into training, and captions say what is drawn."""

import re

import numpy as np
import pytest

from emoclip_clinic.synthetic.rendering import (
    ACTION_UNITS,
    ATTRIBUTES,
    BEHAVIOURS,
    CLASS_SETS,
    COMPOUNDS,
    EMOTIONS,
    HELD_OUT_COMPOUNDS,
    HELD_OUT_NAMES,
    HELD_OUT_ORDERS,
    HELD_OUT_PAIRS,
    MOVEMENTS,
    STYLES,
    ClipPlan,
    Identity,
    Scene,
    caption,
    class_set,
    describe,
    draw_clip,
    draw_plan,
    draw_training_class,
    names_a_side,
    vocabulary,
)
from emoclip_clinic.synthetic.rendering.expressions import blend, forbidden, unit_strengths
from emoclip_clinic.synthetic.rendering.words import BEHAVIOUR_WORDS, EMOTION_WORDS, MOVEMENT_WORDS

# Stems, so that "anxious" and "disappointed" count as well.
STEMS = {
    "anxiety": "anxi",
    "helplessness": "helpless",
    "disappointment": "disappoint",
    "disbelief": "disbelie",
    "glee": "glee",
    "yawn": "yawn",
    "kiss": "kiss",
    "mockery": "mock",
    "bewilderment": "bewilder",
    "strain": "strain",
}


@pytest.fixture(scope="module")
def training() -> list[tuple[ClipPlan, tuple[str, ...]]]:
    """Plans of training clips with a caption of every style."""
    rng = np.random.default_rng(11)
    out = []
    for k in range(2500):
        identity = Identity.of_pool("train", k % 60)
        scene = Scene.draw(rng) if k % 5 == 0 else Scene()
        plan = draw_plan(rng, draw_training_class(rng), identity=identity, scene=scene, seconds=2.0)
        out.append((plan, tuple(caption(plan, rng, style=style) for style in STYLES)))
    return out


@pytest.fixture(scope="module")
def sentences(training: list[tuple[ClipPlan, tuple[str, ...]]]) -> list[str]:
    return [sentence for _, told in training for sentence in told]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z']+", text.lower()))


def test_no_name_of_a_held_out_class_is_in_a_training_caption(sentences: list[str]) -> None:
    assert set(STEMS) == set(HELD_OUT_NAMES)
    vocabulary_ = words(" ".join(sentences))
    assert not {word for word in vocabulary_ for stem in STEMS.values() if word.startswith(stem)}
    for name in HELD_OUT_COMPOUNDS:
        assert not any(name in sentence.lower() for sentence in sentences)


def test_no_training_clip_shows_what_is_held_out(
    training: list[tuple[ClipPlan, tuple[str, ...]]],
) -> None:
    emotions = {frozenset(COMPOUNDS[name]) for name in HELD_OUT_COMPOUNDS}
    for plan, _ in training:
        shown = set(plan.parts)
        if "brow_raise" in shown:
            shown |= {"inner_brow_raise", "outer_brow_raise"}
        assert not any(pair <= shown for pair in HELD_OUT_PAIRS)
        assert frozenset(plan.clip_class.emotions) not in emotions
        if shown & set(HELD_OUT_ORDERS):
            assert plan.profile in ("pulse", "steady")


def test_two_emotions_that_are_held_out_as_a_compound_meet_in_no_caption(sentences: list[str]) -> None:
    def of(emotion: str) -> set[str]:
        known = EMOTION_WORDS[emotion]
        return {word for word in (*known.adjectives, *known.nouns) if " " not in word}

    pairs = [tuple(of(emotion) for emotion in COMPOUNDS[name]) for name in HELD_OUT_COMPOUNDS]
    for sentence in sentences:
        said = words(sentence)
        assert not any(said & first and said & second for first, second in pairs)


def test_training_covers_every_movement_emotion_and_behaviour(
    training: list[tuple[ClipPlan, tuple[str, ...]]],
) -> None:
    shown = {name for plan, _ in training for name in plan.parts}
    assert shown == set(MOVEMENTS)
    assert {name for plan, _ in training for name in plan.clip_class.emotions} == set(EMOTIONS)
    assert {plan.clip_class.behaviour for plan, _ in training} == set(BEHAVIOURS)
    assert {plan.profile for plan, _ in training} == {"pulse", "appears", "fades", "steady"}


def test_descriptions_of_held_out_classes_use_words_that_training_knows(sentences: list[str]) -> None:
    known = words(" ".join(sentences))
    for name in CLASS_SETS:
        for one in (*class_set(name).train, *class_set(name).held_out):
            described = describe(one)
            assert len(set(described)) == 3
            for sentence in described:
                assert words(sentence) <= known
                # Behaviours are what their name says; the others go by movements alone.
                if one.kind in ("likeness", "compound", "emotion") and one.name != "neutral":
                    assert not words(one.name) & words(sentence)


def test_classes_of_a_set_differ_in_what_they_describe() -> None:
    for name in CLASS_SETS:
        classes = (*class_set(name).train, *class_set(name).held_out)
        assert len({one.name for one in classes}) == len(classes)
        assert len({describe(one) for one in classes}) == len(classes)
        assert all(one.forms for one in classes)
    assert len(class_set("likenesses").held_out) >= 8
    assert {one.name for one in class_set("compounds").held_out} == set(HELD_OUT_COMPOUNDS)
    with pytest.raises(KeyError, match="no such set"):
        class_set("no such set")


def test_a_class_can_be_described_by_its_emotions() -> None:
    compound = next(one for one in class_set("compounds").held_out if one.name == "happily surprised")
    assert describe(compound, style="emotion")[0] == "The person looks happy and surprised."
    with pytest.raises(ValueError, match="yawn"):
        describe(next(c for c in class_set("likenesses").held_out if c.name == "yawn"), style="emotion")


def test_a_caption_of_movements_names_every_movement_and_no_emotion() -> None:
    rng = np.random.default_rng(0)
    feelings = {word for known in EMOTION_WORDS.values() for word in (*known.adjectives, *known.nouns)}
    for form in EMOTIONS["anger"]:
        chosen = next(one for one in class_set("emotions").train if one.name == "anger")
        for _ in range(40):
            plan = draw_plan(rng, chosen, identity=Identity.of_pool("train", 1), scene=Scene(), seconds=2.0)
            told = caption(plan, rng, style="movement")
            for name in plan.parts:
                phrases = MOVEMENT_WORDS[name]
                assert any(phrase.lstrip("*") in told.lower() for phrase in (*phrases.verbs, *phrases.nouns))
            assert not words(told) & feelings
            assert set(plan.parts) in [set(one) for one in EMOTIONS["anger"]]
        assert form


def test_a_caption_of_emotions_names_no_movement() -> None:
    rng = np.random.default_rng(0)
    chosen = next(one for one in class_set("emotions").train if one.name == "disgust")
    verbs = [verb for known in MOVEMENT_WORDS.values() for verb in known.verbs]
    disgust = {*EMOTION_WORDS["disgust"].adjectives, *EMOTION_WORDS["disgust"].nouns}
    for _ in range(60):
        plan = draw_plan(rng, chosen, identity=Identity.of_pool("train", 1), scene=Scene(), seconds=2.0)
        told = caption(plan, rng, style="emotion").lower()
        assert words(told) & disgust
        assert not any(verb in told for verb in verbs)


def test_captions_are_varied_well_formed_sentences(sentences: list[str]) -> None:
    statistics = vocabulary(sentences)
    assert statistics.n_captions == len(sentences) == 10_000
    assert statistics.n_distinct_captions > 0.6 * len(sentences)
    assert statistics.n_distinct_words > 250
    assert statistics.longest < 60
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z][A-Za-z,. ']*[a-z]\.", sentence), sentence
        assert "  " not in sentence
        assert ".." not in sentence
        assert "{" not in sentence


def test_irrelevant_context_says_what_is_drawn(training: list[tuple[ClipPlan, tuple[str, ...]]]) -> None:
    glasses = beards = 0
    for plan, told in training:
        text = " ".join(told).lower()
        if "glasses" in text:
            glasses += 1
            assert plan.identity.glasses != "none"
        if re.search(r"\bbeard\b", text):
            beards += 1
            assert plan.identity.beard == "full"
        if "bookshelf" in text:
            assert plan.scene.backdrop == "bookshelf"
    assert glasses > 5
    assert beards > 5


def test_statistics_of_words_are_counts() -> None:
    counted = vocabulary(["The person smiles.", "The person blinks often.", "The person smiles."])
    assert counted.counts == {"the": 3, "person": 3, "smiles": 2, "blinks": 1, "often": 1}
    assert (counted.n_captions, counted.n_distinct_captions) == (3, 2)
    assert (counted.n_words, counted.n_distinct_words, counted.longest) == (10, 5, 4)
    assert counted.mean_words == pytest.approx(10 / 3)
    assert vocabulary([]).mean_words == 0.0


def test_sides_are_noticed() -> None:
    assert names_a_side("The person turns the head to the Left.")
    assert not names_a_side("The light is bright.")
    for name, known in MOVEMENT_WORDS.items():
        sided = name.endswith(("_left", "_right"))
        assert all(names_a_side(phrase) == sided for phrase in (*known.verbs, *known.nouns))


def test_words_exist_for_everything_that_captions_speak_of() -> None:
    assert set(MOVEMENT_WORDS) == set(MOVEMENTS)
    assert set(EMOTION_WORDS) == set(EMOTIONS)
    assert set(BEHAVIOUR_WORDS) == set(BEHAVIOURS) - {"usual"}


def test_combinations_take_the_stronger_part() -> None:
    assert unit_strengths({"brow_raise": 0.5, "inner_brow_raise": 0.8}) == {
        "inner_brow_raise": 0.8,
        "outer_brow_raise": 0.5,
    }
    assert unit_strengths({"head_left": 0.5}) == {"head_yaw": -0.3}
    both = blend({"smile": 1.0}, {"smile": 0.5, "jaw_drop": 1.0}, share=0.5)
    assert both == pytest.approx({"smile": 0.9, "jaw_drop": 0.9})
    assert blend({"smile": 1.0}, {"jaw_drop": 1.0}, share=0.0)["smile"] == 1.0
    assert forbidden({"brow_raise": 1.0, "pucker": 1.0, "smile": 0.1})
    assert not forbidden({"brow_raise": 1.0})
    assert all(set(unit_strengths({name: 1.0})) <= set(ATTRIBUTES) for name in MOVEMENTS)


def test_a_clip_shows_what_its_plan_says() -> None:
    rng = np.random.default_rng(8)
    by_name = {one.name: one for one in class_set("order").held_out}
    k = ACTION_UNITS.index("nose_wrinkle")
    for name, sign in (("nose wrinkle appears", 1), ("nose wrinkle fades", -1)):
        for person in range(5):
            clip = draw_clip(rng, identity=Identity.of_pool("probe", person), clip_class=by_name[name])
            course = clip.attributes[:, k]
            assert sign * (course[-1] - course[0]) > 0.6
            assert np.all(sign * np.diff(course) >= -1e-6)
            assert clip.labels[0] == name
            assert clip.source == f"probe-{person:05d}"
            assert clip.frames.shape == (16, 64, 64, 3)
            assert len(clip.captions) == 4


def test_clinical_behaviours_change_what_they_name() -> None:
    rng = np.random.default_rng(2)
    sets = {one.name: one for one in class_set("behaviours").train}
    lively = class_set("emotions").train[0]

    def mean(chosen: object, columns: list[str]) -> float:
        picked = [ATTRIBUTES.index(column) for column in columns]
        values = [
            np.abs(
                draw_clip(
                    rng,
                    identity=Identity.of_pool("probe", k),
                    clip_class=chosen,  # type: ignore[arg-type]
                    size_px=16,
                    n_captions=0,
                ).attributes[:, picked]
            ).mean()
            for k in range(12)
        ]
        return float(np.mean(values))

    face = [name for name in ACTION_UNITS if name != "eyes_closed"]
    assert mean(sets["blunted affect"], face) < 0.4 * mean(sets["staring"], face)
    assert mean(sets["reduced eye contact"], ["gaze_x"]) > 3 * mean(lively, ["gaze_x"])
    assert mean(sets["staring"], ["eyes_closed"]) == 0.0


def test_kinds_of_training_classes_can_be_chosen() -> None:
    rng = np.random.default_rng(0)
    assert {draw_training_class(rng, kinds=("emotion", "order")).kind for _ in range(40)} == {
        "emotion",
        "order",
    }
    with pytest.raises(ValueError, match="kinds"):
        draw_training_class(rng, kinds=())
