"""A camera (or file, or "synthetic") in another picture's light, frame by frame: the whole SDK in one loop.

python examples/process_camera.py 0 party.jpg 585 380
"""

from __future__ import annotations

import sys
import time

import cv2

from iph_rt import Harmonizer
from iph_rt.stream.images import read_image
from iph_rt.stream.sources import open_source


def main(camera: str, picture: str, x: str, y: str, frames: str = "100") -> None:
    """Harmonize some frames and say how long they took."""
    party = read_image(picture)
    with Harmonizer(color="bgr") as harmonizer:
        harmonizer.set_background(party)
        harmonizer.set_reference(party, point=(float(x), float(y)))
        source = open_source(camera)
        for frame in source:
            picture_of_me = harmonizer.process(frame.image, timestamp=time.monotonic_ns())
            if frame.id + 1 >= int(frames):
                break
        source.close()
        cv2.imwrite("process_camera.png", picture_of_me)
        print(harmonizer.stats.table())


if __name__ == "__main__":
    main(*sys.argv[1:])
