"""From segment embeddings to one row of features for each session."""

from emoclip_clinic.regression.features.moments import QUANTILES
from emoclip_clinic.regression.features.movement import next_apart
from emoclip_clinic.regression.features.readings import fit_features, reading_features
from emoclip_clinic.regression.features.registry import (
    Aggregation,
    Features,
    aggregate,
    aggregation_names,
    register_aggregation,
)
from emoclip_clinic.regression.features.segments import (
    EmbeddingSource,
    SessionKey,
    SessionSegments,
    VideoContent,
    iter_sessions,
    usable_seconds,
)
from emoclip_clinic.regression.features.sessions import (
    MIN_USABLE_S,
    SessionFeatures,
    features_by_aggregation,
    session_features,
    session_keys,
)

__all__ = [
    "MIN_USABLE_S",
    "QUANTILES",
    "Aggregation",
    "EmbeddingSource",
    "Features",
    "SessionFeatures",
    "SessionKey",
    "SessionSegments",
    "VideoContent",
    "aggregate",
    "aggregation_names",
    "features_by_aggregation",
    "fit_features",
    "iter_sessions",
    "next_apart",
    "reading_features",
    "register_aggregation",
    "session_features",
    "session_keys",
    "usable_seconds",
]
