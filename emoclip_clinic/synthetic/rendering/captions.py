"""Captions of a clip from its parameters, by a grammar with several styles."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emoclip_clinic.synthetic.rendering.classes import ClipClass
from emoclip_clinic.synthetic.rendering.expressions import BEHAVIOURS, COMPOUNDS, Profile
from emoclip_clinic.synthetic.rendering.plan import ClipPlan
from emoclip_clinic.synthetic.rendering.words import BEHAVIOUR_WORDS, EMOTION_WORDS, MOVEMENT_WORDS

__all__ = ["STYLES", "Style", "Vocabulary", "caption", "describe", "names_a_side", "vocabulary"]

Style = Literal["movement", "emotion", "mixed", "class"]
"""``movement``: what moves and how; ``emotion``: what is felt; ``mixed``: both; ``class``: the bare name."""

STYLES: tuple[Style, ...] = ("movement", "mixed", "emotion", "class")

_BACKDROPS = {
    "wall": ("in front of a {wall} wall", "before a {wall} wall", "in a {wall} room"),
    "window": ("by a window", "in a room with a window", "beside a window in a {wall} room"),
    "bookshelf": ("in front of a bookshelf", "next to a shelf of books", "in a room with books"),
    "curtain": ("beside a curtain", "in front of a curtain", "in a {wall} room with a curtain"),
    "door": ("near a wooden door", "in front of a door", "in a {wall} room with a door"),
    "picture": ("in front of a picture on a {wall} wall", "under a framed picture", "in a {wall} room"),
}
_HAIR = {
    "bald": ("with a bald head",),
    "short": ("with short {hair} hair", "whose {hair} hair is cut short"),
    "parted": ("with parted {hair} hair", "with {hair} hair"),
    "curly": ("with curly {hair} hair", "with {hair} curls"),
    "bob": ("with {hair} hair to the chin", "with {hair} hair"),
    "long": ("with long {hair} hair", "with {hair} hair"),
    "bun": ("with a {hair} bun", "with {hair} hair tied up"),
    "fringe": ("with a {hair} fringe", "with {hair} hair over the forehead"),
}
_BEARDS = {
    "stubble": ("with stubble",),
    "moustache": ("with a moustache",),
    "goatee": ("with a goatee",),
    "full": ("with a full beard", "with a beard"),
}
_SUBJECTS = ("the person", "a person", "someone", "the speaker", "this person", "the interviewed person")


_COURSES = {
    "appears": (
        "comes to show {}",
        "begins to show {}",
        "goes from a resting face to {}",
        "shows {} after a while",
    ),
    "fades": (
        "loses {}",
        "goes from {} back to a resting face",
        "stops showing {}",
        "lets {} fade away",
    ),
}


def caption(plan: ClipPlan, rng: np.random.Generator, *, style: Style = "mixed") -> str:
    """A sentence about a clip.

    Parameters
    ----------
    plan : ClipPlan
        What the clip shows.
    rng : numpy.random.Generator
        Source of randomness.
    style : {"movement", "emotion", "mixed", "class"}
        What it speaks of. Where a clip has no emotion to name, ``emotion`` and ``mixed`` speak of the
        movement; names of held-out classes are never said.

    Returns
    -------
    str
        One or two sentences, without a line break.
    """
    if style == "class":
        return _class_name(plan, rng)
    emotions = plan.clip_class.emotions
    told = ""
    behaviour = BEHAVIOUR_WORDS.get(plan.clip_class.behaviour)
    if behaviour:
        told = _pick(rng, behaviour)
        # What a blunted face does is hardly to be seen.
        if style == "movement" and BEHAVIOURS[plan.clip_class.behaviour].amplitude > 0.5:
            told = _joined(rng, _moved(plan, rng), told)
    elif style == "emotion" and emotions:
        told = _felt(emotions, plan.profile, rng)
    elif style == "mixed" and emotions and plan.parts:
        told = _joined(rng, _moved(plan, rng), _felt(emotions, plan.profile, rng))
    elif emotions and (not plan.parts or style != "movement"):
        told = _felt(emotions, plan.profile, rng)
    else:
        told = _moved(plan, rng)
    subject = _pick(rng, _SUBJECTS)
    if rng.random() < 0.25:
        subject = f"{subject} {_looks(plan, rng)}"
    sentence = f"{subject} {told}"
    if plan.talks and rng.random() < 0.6:
        sentence += _pick(rng, (" while talking", " and talks", " in the middle of a sentence"))
    if rng.random() < 0.35:
        place = _place(plan, rng)
        sentence = f"{place}, {sentence}" if rng.random() < 0.4 else f"{sentence} {place}"
    if rng.random() < 0.15:
        return f"{_sentence(sentence)} {_sentence(_aside(plan, rng))}"
    return _sentence(sentence)


def describe(clip_class: ClipClass, *, style: Literal["movement", "emotion"] = "movement") -> tuple[str, ...]:
    """Descriptions of a class for zero-shot questions.

    Parameters
    ----------
    clip_class : ClipClass
        The class, held out or not.
    style : {"movement", "emotion"}
        ``movement``: in words of movements that training captions use, without the class's name. ``emotion``:
        by the words of its emotions; two emotions are joined by "and".

    Returns
    -------
    tuple of str
        Three descriptions, always the same ones.

    Raises
    ------
    ValueError
        If a description by emotion is asked of a class that has none.
    """
    if style == "emotion":
        if not clip_class.emotions:
            raise ValueError(
                f"Only classes of emotions can be described by emotion, not {clip_class.name!r}."
            )
        words = [EMOTION_WORDS[name] for name in clip_class.emotions]
        return (
            _sentence("the person looks " + " and ".join(word.adjectives[0] for word in words)),
            _sentence("the person shows " + " and ".join(word.nouns[0] for word in words)),
            _sentence("the person seems " + " and ".join(word.adjectives[1] for word in words)),
        )
    behaviour = BEHAVIOUR_WORDS.get(clip_class.behaviour)
    if behaviour:
        return tuple(_sentence(f"the person {phrase}") for phrase in behaviour[:3])
    return tuple(_described(clip_class, k) for k in range(3))


def _described(clip_class: ClipClass, k: int) -> str:
    """The k-th description of a class by its movements."""
    form = clip_class.forms[k % len(clip_class.forms)]
    if not form:
        return _sentence(f"the person has a {EMOTION_WORDS['neutral'].adjectives[k]} face")
    if clip_class.profile in ("appears", "fades"):
        return _sentence(
            _course([_cycle(MOVEMENT_WORDS[name].nouns, k) for name in form], clip_class.profile, k)
        )
    return _sentence("the person " + _listed([_cycle(MOVEMENT_WORDS[name].verbs, k) for name in form]))


def names_a_side(sentence: str) -> bool:
    """Whether a caption names a side of the picture, so that its clip must not be flipped.

    Parameters
    ----------
    sentence : str
        A caption.

    Returns
    -------
    bool
        True if the word ``left`` or ``right`` is in it.
    """
    return re.search(r"\b(left|right)\b", sentence.lower()) is not None


@dataclass(frozen=True)
class Vocabulary:
    """Statistics of the words of captions.

    Attributes
    ----------
    n_captions, n_distinct_captions, n_words, n_distinct_words : int
        Counts.
    mean_words, longest : float, int
        Words per caption: mean and maximum.
    counts : dict of str to int
        How often each word occurs, most frequent first.
    """

    n_captions: int
    n_distinct_captions: int
    n_words: int
    n_distinct_words: int
    mean_words: float
    longest: int
    counts: dict[str, int]


def vocabulary(captions: Iterable[str]) -> Vocabulary:
    """Count the words of captions.

    Parameters
    ----------
    captions : iterable of str
        Captions.

    Returns
    -------
    Vocabulary
        Counts of words in lower case.
    """
    texts = list(captions)
    words = [re.findall(r"[a-z']+", text.lower()) for text in texts]
    counts = Counter(word for sentence in words for word in sentence)
    total = sum(counts.values())
    return Vocabulary(
        n_captions=len(texts),
        n_distinct_captions=len(set(texts)),
        n_words=total,
        n_distinct_words=len(counts),
        mean_words=total / len(texts) if texts else 0.0,
        longest=max((len(sentence) for sentence in words), default=0),
        counts=dict(counts.most_common()),
    )


def _moved(plan: ClipPlan, rng: np.random.Generator) -> str:
    """What the person does, with its strength and course in time."""
    if not plan.parts:
        return _pick(rng, ("does not move the face", "keeps the face still", "holds a face at rest"))
    names = [list(plan.parts)[k] for k in rng.permutation(len(plan.parts))]
    slightly = plan.strength < 0.6
    if plan.profile in ("appears", "fades"):
        nouns = [_pick(rng, MOVEMENT_WORDS[name].nouns).lstrip("*") for name in names]
        return _pick(rng, _COURSES[plan.profile]).format(_listed(nouns))
    if plan.profile == "steady" and rng.random() < 0.5:
        nouns = [_pick(rng, MOVEMENT_WORDS[name].nouns).lstrip("*") for name in names]
        return _pick(rng, ("keeps {}", "has {} all the time", "stays with {}")).format(_listed(nouns))
    verbs = [_pick(rng, MOVEMENT_WORDS[name].verbs) for name in names]
    told = _listed(verbs)
    if slightly:
        told += _pick(rng, (" a little", " slightly", " only a bit"))
    elif plan.strength > 0.9 and rng.random() < 0.4:
        told += _pick(rng, (" strongly", " as far as possible", " very clearly"))
    if plan.profile == "pulse" and rng.random() < 0.35:
        told += _pick(rng, (" and relaxes again", " for a moment", ", then lets go", " briefly"))
    return told


def _felt(emotions: Sequence[str], profile: Profile, rng: np.random.Generator) -> str:
    """What the person seems to feel."""
    adjectives = [_pick(rng, EMOTION_WORDS[name].adjectives) for name in emotions]
    nouns = [_pick(rng, EMOTION_WORDS[name].nouns) for name in emotions]
    both_a, both_n = " and ".join(adjectives), " and ".join(nouns)
    if "neutral" in emotions:
        profile = "steady"  # rest neither comes nor goes
    if profile == "appears" and rng.random() < 0.7:
        return _pick(rng, (f"becomes {both_a}", f"begins to feel {both_n}", f"grows {both_a}"))
    if profile == "fades" and rng.random() < 0.7:
        return _pick(
            rng, (f"is no longer {both_a}", f"stops feeling {both_n}", f"was {both_a} and calms down")
        )
    return _pick(
        rng,
        (
            f"looks {both_a}",
            f"seems {both_a}",
            f"feels {both_n}",
            f"shows {both_n}",
            f"has a {both_a} face",
            f"expresses {both_n}",
        ),
    )


def _joined(rng: np.random.Generator, moved: str, felt: str) -> str:
    if rng.random() < 0.5:
        return f"{moved} and {felt}"
    return f"{felt}, and {moved}"


def _course(nouns: Sequence[str], profile: Profile, k: int) -> str:
    """A movement's beginning or end in plain words."""
    plural = nouns[0].startswith("*") or len(nouns) > 1
    listed = _listed([noun.lstrip("*") for noun in nouns])
    person = {
        "appears": ("the person begins to show {}", "the person goes from a resting face to {}"),
        "fades": ("the person stops showing {}", "the person goes from {} back to a resting face"),
    }
    if k < 2:
        return person[profile][k].format(listed)
    verb = {"appears": "appear", "fades": "fade away"}[profile]
    ending = verb if plural else verb.replace("appear", "appears").replace("fade ", "fades ")
    return f"{listed} {ending}"


def _class_name(plan: ClipPlan, rng: np.random.Generator) -> str:
    """The class's name as a short caption; combinations and held-out names by what moves."""
    chosen = plan.clip_class
    if chosen.kind == "emotion":
        return _sentence(_pick(rng, ("{}", "an expression of {}", "a face showing {}")).format(chosen.name))
    if chosen.kind == "compound" and chosen.name in COMPOUNDS:
        return _sentence(_pick(rng, ("{}", "a {} face", "a person who looks {}")).format(chosen.name))
    if chosen.kind == "behaviour":
        return _sentence(chosen.name)
    nouns = [_pick(rng, MOVEMENT_WORDS[name].nouns) for name in plan.parts]
    if not nouns:
        return "A face at rest."
    if chosen.kind == "order":
        return _sentence(_course(nouns, plan.profile, 2))
    return _sentence(_listed([noun.lstrip("*") for noun in nouns]))


def _looks(plan: ClipPlan, rng: np.random.Generator) -> str:
    person = plan.identity
    options = list(_HAIR[person.hair_style])
    options += _BEARDS.get(person.beard, ())
    if person.glasses != "none":
        options += [f"with {person.glasses} glasses", "wearing glasses"]
    article = "an" if person.garment[0] in "aeiou" else "a"
    options += [
        f"in {article} {person.clothes_word} {person.garment}".replace("an ", "a "),
        "who sits upright",
    ]
    return _pick(rng, options).format(hair=person.hair_word)


def _place(plan: ClipPlan, rng: np.random.Generator) -> str:
    return _pick(rng, _BACKDROPS[plan.scene.backdrop]).format(wall=plan.scene.wall_word)


def _aside(plan: ClipPlan, rng: np.random.Generator) -> str:
    """Something about the picture that does not matter."""
    light = plan.scene.light
    bright = "the light is bright" if light.brightness > 0.95 else "the light is dim"
    side = "the lamp stands to one side" if abs(light.x) > 0.4 else "the light comes from the front"
    tone = "the picture has a warm tone" if light.warmth > 0.1 else "the picture has a cold tone"
    noisy = "the picture is grainy" if plan.scene.camera.noise > 3 else "the picture is clear"
    return _pick(rng, (bright, side, tone, noisy))


def _listed(items: Sequence[str]) -> str:
    """``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _cycle(options: Sequence[str], k: int) -> str:
    return options[k % len(options)]


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    return text[0].upper() + text[1:] + "."
