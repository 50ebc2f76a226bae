"""The subject of a photograph, as a real cutout: what the selfie segmentation model is sure about, be it person or animal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from iph_rt.matte.segmenter import open_segmenter
from iph_rt.train.photos import SubjectFinder

SURE, MAYBE = 0.85, 0.3
CERTAINTY = 0.5  # share of what may be the subject that surely is: below, the model saw nothing in particular


def subject_finder() -> SubjectFinder:
    """A function from a picture (HWC uint8 RGB) to its subject (h x w bool, any size), or None where there is none.

    Raises:
        BackendUnavailableError: the segmentation model has not been fetched; the message names the command.
    """
    segmenter = open_segmenter("onnx", model="square")

    def find(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_] | None:
        confidence = segmenter.segment(picture, "rgb", 0)
        sure, maybe = float((confidence > SURE).mean()), float((confidence > MAYBE).mean())
        return confidence > 0.6 if sure > CERTAINTY * maybe and 0.03 < sure < 0.7 else None

    return find
