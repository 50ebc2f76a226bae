"""One photograph into another, in the light of the person at a point.

python examples/harmonize_photo.py me.jpg party.jpg 585 380 out.png
"""

from __future__ import annotations

import sys

from iph_rt import Harmonizer
from iph_rt.stream.images import read_image, write_image


def main(person: str, picture: str, x: str, y: str, output: str) -> None:
    """Harmonize and write the result."""
    party = read_image(picture)
    with Harmonizer(color="bgr") as harmonizer:
        result = harmonizer.harmonize_image(read_image(person), party, point=(float(x), float(y)))
    write_image(output, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
