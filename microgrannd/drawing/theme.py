"""What a picture looks like on a light and on a dark page: the colours of the one become those of the other by CSS.

Colours stand in the elements' attributes, for programs that know no CSS.
"""

from __future__ import annotations

from .diagram import FILLS, FRAME, NEGATIVE, NEUTRAL, NOTHING, POSITIVE

GROUND, TEXT = "#ffffff", "#1b1b1b"


#: What the colours become on a dark page.
DARK = {
    GROUND: "#16181c",
    TEXT: "#e8e8e8",
    FILLS["operation"]: "#23262b",
    FILLS["input"]: "#16324a",
    FILLS["parameter"]: "#43371a",
    POSITIVE: "#56b4e9",
    NEGATIVE: "#ff8c42",
    NEUTRAL: "#a8a8a8",
    NOTHING: "#8a8a8a",
    FRAME: "#5a5f66",
}


#: Pages that say what they are: JupyterLab's, and those of VS Code.
_LIGHT_PAGE = 'body[data-jp-theme-light="true"] *, body.vscode-light *, body.vscode-high-contrast-light *'
_DARK_PAGE = ':is(body[data-jp-theme-light="false"], body.vscode-dark, body.vscode-high-contrast:not(.vscode-high-contrast-light))'


def style() -> str:
    """Return the CSS of a picture: dark on a dark page, or where the page does not say, on a system that is set so.

    All of it is for screens: paper is light, and programs that know little CSS leave such rules out.
    """
    dark = " ".join(f"--{name}: {colour};" for name, colour in enumerate(DARK.values()))
    used = " ".join(
        f'.microgrannd [{attribute}="{light}"] {{ {attribute}: var(--{name}, {light}) }}'
        for name, light in enumerate(DARK)
        for attribute in ("fill", "stroke")
    )
    system = f"@media (prefers-color-scheme: dark) {{ .microgrannd:not({_LIGHT_PAGE}) {{ {dark} }} }}"
    return f"@media screen {{ {system} {_DARK_PAGE} .microgrannd {{ {dark} }} {used} }}"
