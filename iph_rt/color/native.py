"""Loads the compiled extension, or says why it does not load."""

from __future__ import annotations

from iph_rt.errors import NativeModuleError

try:
    from iph_rt import _native as native
except ImportError as error:
    raise NativeModuleError(
        f"the compiled part of iph_rt does not load ({error}). Most likely it was never built, or was built for "
        "another Python: run 'pip install .' in the source folder; it needs a C++17 compiler "
        "(sudo apt-get install g++ python3-dev)"
    ) from error

__all__ = ["native"]
