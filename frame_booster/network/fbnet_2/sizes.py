"""Sizes of FBNet-2 that its TensorFlow stages and its ONNX graph share. Imports nothing heavy."""

from __future__ import annotations

CHANNELS = (16, 32, 64, 96)
"""Feature channels at 1/2, 1/4, 1/8 and 1/16."""
MEAN = 0.45
"""Taken off every colour, so that a black border of zeros is no edge."""
STRIDE = 16
"""Sides of a picture over those of its coarsest features."""
COARSER_SIDES = (200, 400)
"""The coarsest scale is 1/16 up to the first of these, 1/32 up to the second, 1/64 beyond: longer side of the frames
that flow is estimated on, px."""
UNKNOWN_COARSER = 1
"""For frames of any size (an export), whose graph cannot depend on it."""
HIDDEN = 16
"""Channels that a level hands on beside flow and mask."""
MOTION = 5
"""Flow to frame 0, flow to frame 1, mask: channels of `flow.Motion.motion`."""
FINEST = 4
"""Flow is estimated up to 1/4 of the frames at the scale of the flow."""
STILL_BELOW, MOVING_ABOVE = 3.0 / 255.0, 8.0 / 255.0
"""A pixel whose values change by less stands still, one whose values change by more moves, and in between it is a
mixture: noise of compressed video lies below, and a blend of values so close shows no second edge."""
STILL_REACH = 9
"""Side of the neighbourhood that must not change either, px at 1/2: what moves by less than this is seen to move."""

SURROUNDINGS_SIDE = 512
"""The motion of a place's surroundings is tried where frames are longer than this at the scale of the flow, px: from
some 640x360 on, beyond what the network learned on and is compared on (448x256)."""
SURROUNDINGS_REACHES = (8, 24)
"""How far surroundings reach to each side, px at 1/8."""
SURROUNDINGS_SHARPNESS = 20.0
"""A place whose features differ in the cosine by a twentieth counts e times less among surroundings."""
SURROUNDINGS_TEXTURE, SURROUNDINGS_WINDOW = 2, 2
"""Reach of what texture is measured against, and of the window in which features are compared, px at 1/8."""
SURROUNDINGS_GAIN, SURROUNDINGS_LEFT = 0.1, 1.02
"""Share of what a cosine lacks of 1.02 that another motion has to gain to take over as a whole: the better the flow so
far fits, the less there is to gain, and noise of a cosine near 1 gains nothing."""
SURROUNDINGS_FIT = 0.6, 0.7
"""Cosines from which another motion begins to take over, and from which it does so as a whole. Where motion tears the
picture apart nothing fits so well."""
SURROUNDINGS_SPREAD = 0.5, 0.25
"""Standard deviations of the flow of surroundings, px at 1/8, from which they are not one motion, and up to which they
are."""
SURROUNDINGS_AWAY = 1.0, 0.75
"""Distances of another flow, px at 1/8, from which it is another object's, and up to which it is not."""

PROPAGATION_OFFSETS = (-2, 0), (2, 0), (0, -2), (0, 2)
"""Where the neighbours lie whose flow is tried: rows and columns, px at 1/4 of the scale of the flow. What was
estimated there is enlarged, and changes little between two of its pixels."""
PROPAGATION_STEP = 4
"""Such a px is taken for no more than this, px at 1/2 of the frames, however coarse the scale of the flow."""
PROPAGATION_WINDOW = 2
"""Reach of the window in which frames are compared, every second px at 1/2."""
PROPAGATION_GAIN = (0.5 / 255.0, 1.0 / 255.0), (0.05, 0.1)
"""By how much frames must be more alike with a neighbour's flow that takes over, and by which share of what they differ
by; each from where it begins to and from where it does so as a whole. Less is noise."""
PROPAGATION_FIT = 16.0 / 255.0, 8.0 / 255.0
"""Differences with a neighbour's flow from which it does not take over at all, and up to which it does as a whole:
where nothing fits, as in blurred or torn motion, the least difference says nothing."""

LUMA = 0.25, 0.5, 0.25
"""Shares of red, green and blue in the brightness that frames are compared by: all three colours gave the same, for
three times the work."""

FIT_WINDOW = 1
"""Reach of the window whose motion is fitted, px at 1/4 of the frames."""
FIT_MOST = 0.5
"""How far a fit moves a flow at the most, px at 1/2: the flow so far is right but for less than that, or it is the
flow of something else, and no fit brings the right one."""
FIT_EVEN = 1e-4
"""Mean square of a gradient of brightness, per px at 1/2, at which half of a fit is made: below it is noise."""
FIT_NOISE = 0.03
"""Share of the mean square of what still differs that is added to that."""

SHARPNESS = 0.5
"""Of second differences of brightness, times u (1 - u) at the fraction u of a px: 1/2 is Catmull-Rom's spline."""
RESIDUAL = 0.5
"""Share of the residual that is added: the rest had been learned against the blur of bilinear sampling."""


def propagation_step(flow_downscale: int) -> int:
    """Returns what a px at 1/4 of the scale of the flow is at 1/2 of the frames, for the places of neighbours."""
    return min(FINEST // 2 << flow_downscale, PROPAGATION_STEP)


def coarser_scales(height: int | None, width: int | None) -> int:
    """Returns how many scales beyond 1/16 flow is estimated at, for frames of this size (px; None: unknown).

    By the longer side, since motion grows with it. The features at 1/16 see motion of some 4 x 16 px at once.
    """
    if height is None or width is None:
        return UNKNOWN_COARSER
    return sum(max(height, width) > side for side in COARSER_SIDES)


def tries_surroundings(height: int | None, width: int | None) -> bool:
    """Returns whether the motion of a place's surroundings is tried, for frames of this size (px; None: unknown)."""
    return height is not None and width is not None and max(height, width) > SURROUNDINGS_SIDE
