"""Makes the frame between the first two frames of a video and saves it as a PNG.

python examples/interpolate_pictures.py examples/cockatoo.mp4 between.png
"""

import sys

import av

import frame_booster

source, target = sys.argv[1:3]
with av.open(source) as container:
    frames = container.decode(video=0)
    first, second = (next(frames).to_ndarray(format="rgb24") for _ in range(2))
made = frame_booster.load_model().interpolate(first, second, t=0.5)
av.VideoFrame.from_ndarray(made, "rgb24").save(target)
