"""The demo's page: one HTML file with relative links, readable in light and dark, without anything from the network."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from iph_rt import __version__
from iph_rt.files import write_text

if TYPE_CHECKING:
    from iph_rt.cli.demo.render import Result

STAGE_MEANING = {
    "place": "frame scaled to its place in the photograph",
    "matte": "person found and refined to full resolution",
    "harmonize": "network on 256 x 256, moments of the colour change",
    "network": "of that, the network alone",
    "smooth": "moments smoothed over time",
    "fit": "colour polynomial solved",
    "apply": "polynomial and composite, one pass at full resolution",
    "total": "one whole frame, decoding and encoding excluded",
}


def write_page(folder: Path, result: Result) -> Path:
    """Write ``index.html`` into ``folder`` and return its path.

    Raises:
        SinkError: the file cannot be written.
    """
    template = Template((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
    middle = result.stills[len(result.stills) // 2]
    page = template.substitute(
        version=__version__,
        width=result.size[0],
        height=result.size[1],
        frames=result.frames,
        middle=middle,
        closeups="\n".join(_closeup(kind, middle) for kind in ("face", "edge")),
        stills="\n".join(_still(name) for name in result.stills),
        others="\n".join(_other(number, kind) for number, kind in enumerate(result.others)),
        mattes="\n".join(_matte(name) for name in result.stills),
        stages="\n".join(_stage_rows(result)),
        facts="\n".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in result.facts.items()),
    )
    path = folder / "index.html"
    write_text(path, page)
    return path


def _closeup(kind: str, name: str) -> str:
    captions = {
        "face": "The face: the same man in another light.",
        "edge": "The edge of the hair: the white door that stood behind him leaves no rim.",
    }
    return (
        f'<figure><img loading="lazy" src="{kind}_{name}.png" width="1280" height="640" '
        f'alt="Close-up, direct composite on the left, harmonized on the right">'
        f"<figcaption>{captions[kind]}</figcaption></figure>"
    )


def _still(name: str) -> str:
    return (
        f'<a href="direct_{name}.png">'
        f'<img loading="lazy" src="direct_{name}.png" alt="Frame {name}, direct composite"></a>'
        f'<a href="harmonized_{name}.png">'
        f'<img loading="lazy" src="harmonized_{name}.png" alt="Frame {name}, harmonized"></a>'
    )


def _other(number: int, kind: str) -> str:
    return (
        f'<img loading="lazy" src="other_{number}_reference.png" width="640" height="360" alt="Reference: {escape(kind)}">'
        f'<img loading="lazy" src="other_{number}.png" width="720" height="405" alt="Harmonized to it">'
    )


def _matte(name: str) -> str:
    return f'<a href="matte_{name}.png"><img loading="lazy" src="matte_{name}.png" alt="Matte of frame {name}"></a>'


def _stage_rows(result: Result) -> list[str]:
    rows = []
    for name in sorted(result.stages, key=list(STAGE_MEANING).index):
        stage = result.stages[name]
        cells = "".join(f"<td>{value:.2f}</td>" for value in (stage.p50, stage.p95, stage.p99))
        meaning = escape(STAGE_MEANING[name])
        emphasis = ' class="total"' if name == "total" else ""
        rows.append(f"<tr{emphasis}><th scope='row'>{escape(name)}</th><td class='what'>{meaning}</td>{cells}</tr>")
    return rows
