"""Metric depth of all cameras of a rig, with bins of depth, alone or distilled from a frozen teacher."""
