"""A video file through the pipeline: decoding, harmonizing and encoding run side by side, sound is kept.

python examples/harmonize_video.py clip.mp4 party.jpg 585 380 out.mp4
"""

from __future__ import annotations

import sys

from iph_rt import Harmonizer, Stream
from iph_rt.stream.images import read_image
from iph_rt.stream.video_file import VideoFileSink, VideoFileSource


def main(clip: str, picture: str, x: str, y: str, output: str) -> None:
    """Harmonize every frame."""
    party = read_image(picture)
    source = VideoFileSource(clip)
    with Harmonizer(cadence=1) as harmonizer:  # the network at every frame: the same file every time
        harmonizer.set_background(party)
        harmonizer.set_reference(party, point=(float(x), float(y)))
        with VideoFileSink(output, source.rate, audio_from=clip) as sink, Stream(source, harmonizer, sink) as stream:
            print(stream.run())


if __name__ == "__main__":
    main(*sys.argv[1:])
