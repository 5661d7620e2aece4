"""The thresholds that more than one rule goes by. Every one names its source."""

LAYER_DEAD = 0.5
"""Share of a layer's units from which it counts as dead, or saturated (SageMaker Debugger, DeadRelu and
SaturatedActivation: threshold_layer)."""
LAYER_DYING = 0.1
"""Ours."""
