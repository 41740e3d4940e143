"""What was settled about a clip before it was drawn: the ground of its captions."""

from dataclasses import dataclass

from emoclip_clinic.synthetic.rendering.classes import ClipClass
from emoclip_clinic.synthetic.rendering.expressions import Parts, Profile
from emoclip_clinic.synthetic.rendering.identity import Identity
from emoclip_clinic.synthetic.rendering.scene import Scene
from emoclip_clinic.synthetic.rendering.tracks import Timing

__all__ = ["ClipPlan"]


@dataclass(frozen=True)
class ClipPlan:
    """Parameters of a clip.

    Attributes
    ----------
    clip_class : ClipClass
        The class.
    parts : mapping of str to float
        Movements that the clip shows, with their strength relative to each other.
    profile : {"pulse", "appears", "fades", "steady"}
        Course in time.
    strength : float
        Strength of the whole, 0 to 1.
    timing : Timing
        Onset, apex and offset.
    talks : bool
        Whether the person talks meanwhile.
    identity : Identity
        Who is seen.
    scene : Scene
        Where.
    """

    clip_class: ClipClass
    parts: Parts
    profile: Profile
    strength: float
    timing: Timing
    talks: bool
    identity: Identity
    scene: Scene
