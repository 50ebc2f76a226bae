"""Colour: the polynomial that carries the network's small result to the full frame, its smoothing, and look files."""
