"""The diagram as SVG: the path of a request at the top, below it the roles with lines to what they read.

Frames show where things are: in the zone, the account, the region or the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

from review.diagram.read import ROLE, Path, Stack

STYLE: Final = (
    ".diagram{--ink:#1b2733;--soft:#55636f;--edge:#9aabba;--ground:#fbfcfd;--frame:#f3f6f9;--box:#fff;--tint:#e4eef6;"
    "--way:#2f6690;--secret:#9c4221;--parameter:#5f6b7a;--bucket:#2c7a51}"
    "@media(prefers-color-scheme:dark){.diagram{--ink:#e3e9ee;--soft:#a3b1bd;--edge:#566573;--ground:#12181e;"
    "--frame:#182028;--box:#1f2932;--tint:#20364a;--way:#7db4dd;--secret:#e8a07f;--parameter:#9fb0c0;--bucket:#7fcfa3}}"
    ".diagram text{font:12.5px system-ui,sans-serif;fill:var(--ink)}.diagram .h{font-weight:600}"
    ".diagram .s{font-size:11.5px;fill:var(--soft)}.diagram .l{font-size:11px;fill:var(--way);text-anchor:middle}"
    ".diagram .m{font:11px ui-monospace,SFMono-Regular,Menlo,monospace}.diagram .e{fill:var(--soft);font-style:italic}"
    ".diagram .g{fill:var(--ground)}.diagram .f{fill:var(--frame);stroke:var(--edge);rx:10}"
    ".diagram .n{stroke-dasharray:5 4}.diagram .b{fill:var(--box);stroke:var(--edge);rx:7}"
    ".diagram .t{fill:var(--tint);stroke:var(--way);rx:7}"
    ".diagram .a{stroke:var(--way);stroke-width:1.6;fill:none;marker-end:url(#point)}"
    ".diagram .both{marker-start:url(#point)}.diagram .point{fill:var(--way)}"
    ".diagram .r{fill:none;stroke-width:1.1;opacity:.62}.diagram .secret{stroke:var(--secret)}"
    ".diagram .parameter{stroke:var(--parameter)}.diagram .bucket{stroke:var(--bucket)}"
    ".diagram .ci{opacity:.3;stroke-dasharray:3 3}"
)
"""The drawing's own colours and fonts, for a light and a dark background."""

_WIDTH: Final = 1200
_ROW: Final = 16
_HEADING: Final = 28
_TALL: Final = 64
_STEP: Final = 82
_TOP: Final = 90
_BROWSER: Final = (16, 78)
_RECORD: Final = (128, 222)
_DISTRIBUTION: Final = (414, 196)
_BALANCER: Final = (714, 168)
_SERVICE: Final = (944, 202)
_ROLES: Final = (414, 252)
_STORES: Final = (862, 284)
"""Left edge and width of each column."""

Links = Mapping[tuple[str, str], int]
"""Type and name of a resource -> its number on the page."""


def svg(stack: Stack, links: Links | None = None, *, style: bool = True) -> str:
    """Return the diagram as an SVG image; with `links`, names link to `#stack/NUMBER`."""
    way = (max(len(stack.paths), 1) - 1) * _STEP + _TALL
    below = _TOP + way + 118 if stack.paths else 78
    members = {f"Roles of {who}": [(name, ROLE) for name in names] for who, names in stack.roles.items()}
    roles, role_places, roles_end = _list(_ROLES, below + 24, members, links)
    members = {title: [(one.name, one.type) for one in named] for title, named in stack.stores.items()}
    stores, store_places, stores_end = _list(_STORES, below, members, links)
    height = max(roles_end, stores_end, below + 130) + 44
    parts = [*_frames(stack, below, way, roles_end, height)]
    if stack.paths:
        parts += _way(stack.paths, way)
    parts += _reads(stack, role_places, store_places)
    body = "\n".join([*parts, *roles, *stores, *_legend(stack, below)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="diagram" viewBox="0 0 {_WIDTH} {height}" '
        f'role="{"group" if links else "img"}" aria-label="The path of a request, the roles, and what they read">\n'
        + (f"<style>{STYLE}</style>\n" if style else "")
        + '<defs><marker id="point" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto-start-reverse"><path class="point" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f'<rect class="g" width="{_WIDTH}" height="{height}"/>\n{body}\n</svg>\n'
    )


def _frames(stack: Stack, below: int, way: int, roles_end: int, height: int) -> Iterator[str]:
    bottom = height - 16
    yield _frame(384, 14, _WIDTH - 400, bottom - 14, f"AWS account {stack.account}".strip())
    yield _frame(690, 38, _WIDTH - 718, bottom - 50, stack.region or "Region")
    if stack.paths:
        end = _TOP + way + 16
        yield _frame(116, 14, 246, end - 14, "Cloudflare")
        yield _frame(400, 38, 224, end - 38, "CloudFront, worldwide")
        yield _frame(702, 64, _WIDTH - 742, end - 64, stack.network, "f n")
    if stack.roles:
        yield _frame(400, below - 14, 276, roles_end - below + 18, "IAM, worldwide")


def _way(paths: Sequence[Path], way: int) -> Iterator[str]:
    top = _TOP
    yield _box(_BROWSER, top, way, "Browser", [])
    origin, issuer = paths[0].origin, paths[0].issuer
    steps = ["1  403 without the secret", "2  sign-in, then a session", "3  forward, by host"]
    yield _box(_BALANCER, top + 10, way - 10, origin, steps, "t")
    for index, path in enumerate(paths):
        y = top + index * _STEP
        yield _box(_RECORD, y, _TALL, path.host, ["proxied, never cached"])
        yield _box(_DISTRIBUTION, y, _TALL, path.distribution, ["adds the header secret"])
        yield _box(_SERVICE, y + 10, _TALL - 10, path.service, [f"{path.target}, port {path.port}"])
        yield _arrow(_BROWSER, _RECORD, y, "")
        yield _arrow(_RECORD, _DISTRIBUTION, y, "")
        yield _arrow(_DISTRIBUTION, _BALANCER, y, "with secret")
        yield _arrow(_BALANCER, _SERVICE, y, "signed in")
    kinde, middle = top + way + 50, _BALANCER[0] + _BALANCER[1] // 2
    yield _box(_RECORD, kinde - 22, 44, issuer, ["signs people in"], "t")
    yield f'<path class="a both" d="M{middle} {top + way + 3}V{kinde}H{sum(_RECORD) + 4}"/>'
    yield f'<text class="l" x="{middle - 60}" y="{kinde - 6}">OIDC</text>'


def _list(
    column: tuple[int, int], top: int, groups: Mapping[str, Sequence[tuple[str, str]]], links: Links | None
) -> tuple[list[str], dict[str, int], int]:
    """Return lists with their headings, the height of each name, and the height at which they end."""
    left, wide = column
    parts, places, y = [], {}, top
    for title, items in groups.items():
        parts.append(f'<text class="h" x="{left}" y="{y + 8}">{escape(title)} ({len(items)})</text>')
        for row, (name, type_) in enumerate(items):
            base = y + _HEADING + row * _ROW
            places[name] = base - 4
            # A letter of 11 pixels is 6.7 wide; a name that is too wide for the frame is condensed.
            narrow = f' textLength="{wide}" lengthAdjust="spacingAndGlyphs"' if len(name) * 6.7 > wide else ""
            note = "" if type_ else " e"
            text = f'<text class="m{note}" x="{left}" y="{base}"{narrow}>{escape(name)}</text>'
            number = links.get((type_, name)) if links else None
            parts.append(text if number is None else f'<a href="#stack/{number}">{text}</a>')
        y += _HEADING + len(items) * _ROW + 8
    return parts, places, y


def _reads(stack: Stack, roles: Mapping[str, int], stores: Mapping[str, int]) -> Iterator[str]:
    left, right = sum(_ROLES) + 4, _STORES[0] - 6
    for role, store, kind in stack.reads:
        start, end = roles[role], stores[store]
        middle = (left + right) // 2
        ci = " ci" if role in stack.issued else ""
        yield (
            f'<path class="r {kind}{ci}" d="M{left} {start}C{middle} {start} {middle} {end} {right} {end}">'
            f"<title>{escape(role)} reads {escape(store)}</title></path>"
        )


_KINDS: Final = {
    "secret": "a secret",
    "parameter": "a parameter",
    "bucket": "objects of a bucket",
    "secret ci": "by CI",
}
"""Kind of line -> what is read."""


def _legend(stack: Stack, below: int) -> Iterator[str]:
    y = below + 60
    yield f'<text class="h" x="116" y="{y}">Lines: who reads what</text>'
    for row, (kind, what) in enumerate(_KINDS.items()):
        yield f'<path class="r key {kind}" d="M116 {y + 20 + row * 18}h34"/>'
        yield f'<text class="s" x="160" y="{y + 24 + row * 18}">{what}</text>'
    if any(not one.type for members in stack.stores.values() for one in members):
        yield f'<text class="s e" x="116" y="{y + 24 + 4 * 18}">slanted: made elsewhere</text>'


def _frame(left: int, top: int, wide: int, tall: int, title: str, kind: str = "f") -> str:
    text = f'<text class="s" x="{left + 12}" y="{top + 18}">{escape(title)}</text>' if title else ""
    return f'<rect class="{kind}" x="{left}" y="{top}" width="{wide}" height="{tall}"/>{text}'


def _box(column: tuple[int, int], top: int, tall: int, title: str, lines: Sequence[str], kind: str = "b") -> str:
    left, wide = column
    # The texts are centred vertically.
    first = top + (tall - _ROW * len(lines)) // 2 + 4
    texts = "".join(
        f'<text class="s" x="{left + 11}" y="{first + _ROW * (row + 1) + 1}">{escape(line)}</text>'
        for row, line in enumerate(lines)
    )
    # A bold letter is about 8 pixels wide; a title that is too wide for the box is condensed.
    narrow = f' textLength="{wide - 22}" lengthAdjust="spacingAndGlyphs"' if len(title) * 7.6 > wide - 22 else ""
    return (
        f'<rect class="{kind}" x="{left}" y="{top}" width="{wide}" height="{tall}"/>'
        f'<text class="h" x="{left + 11}" y="{first}"{narrow}>{escape(title)}</text>{texts}'
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], top: int, label: str) -> str:
    left, right, y = sum(start), end[0], top + _TALL // 2 + 4
    text = f'<text class="l" x="{(left + right) // 2 - 4}" y="{y - 7}">{label}</text>' if label else ""
    return f'<path class="a" d="M{left + 2} {y}H{right - 3}"/>{text}'
