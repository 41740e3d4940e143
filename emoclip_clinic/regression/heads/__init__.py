"""Regressors by name, all called the same way: ridge, MLP, and the baselines that stand beside them.

A new regressor is one module in this folder that calls `register_head`; modules are found by being there.
"""

from emoclip_clinic.regression.heads.registry import (
    FittedHead,
    Head,
    HeadData,
    HeadPrediction,
    HeadProgress,
    get_head,
    head_names,
    make_head_data,
    register_head,
)

__all__ = [
    "FittedHead",
    "Head",
    "HeadData",
    "HeadPrediction",
    "HeadProgress",
    "get_head",
    "head_names",
    "make_head_data",
    "register_head",
]
