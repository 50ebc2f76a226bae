"""Real-time Interactive Portrait Harmonization."""
__version__ = "0.1.0"
