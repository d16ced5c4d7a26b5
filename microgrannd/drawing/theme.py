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


#: The body of a page that says what it is: JupyterLab's, and those of VS Code.
LIGHT_BODY = (
    '[data-jp-theme-light="true"], .vscode-light, .vscode-high-contrast-light, [data-vscode-theme-kind$="-light"]'
)
DARK_BODY = (
    '[data-jp-theme-light="false"], .vscode-dark, .vscode-high-contrast:not(.vscode-high-contrast-light), '
    '[data-vscode-theme-kind="vscode-dark"], [data-vscode-theme-kind="vscode-high-contrast"]'
)


def page_style(dark: str) -> str:
    """Return the CSS of a whole page that is light or dark as `style` says.

    Args:
        dark: declarations that hold for the root of a dark page.
    """
    system = f"@media (prefers-color-scheme: dark) {{ :root:not(:has(body:is({LIGHT_BODY}))) {{ {dark} }} }}"
    light = f":root:has(body:is({LIGHT_BODY})) {{ color-scheme: light }}"
    return f"@media screen {{ {system} {light} :root:has(body:is({DARK_BODY})) {{ color-scheme: dark; {dark} }} }}"


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
    system = f"@media (prefers-color-scheme: dark) {{ .microgrannd:not(body:is({LIGHT_BODY}) *) {{ {dark} }} }}"
    return f"@media screen {{ {system} body:is({DARK_BODY}) .microgrannd {{ {dark} }} {used} }}"
