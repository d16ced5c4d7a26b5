"""Programs of JavaScript, run by Node."""

from __future__ import annotations

import json
import re
import subprocess
from shutil import which
from typing import Any

import pytest

from microgrannd.compiler.script import number

needs_node = pytest.mark.skipif(not which("node"), reason="Node is not installed")


#: Numbers as text, to the last bit; texts marked.
SHOWN = (
    "const asText = (x) => Array.isArray(x) ? x.map(asText) : typeof x === 'string' ? { text: x } : "
    "Object.is(x, -0) ? '-0' : String(x);"
)


def literal(thing: Any) -> str:
    """Numbers, texts, and lists and dicts of them, as JavaScript writes them, to the bit."""
    if isinstance(thing, list | tuple):
        return f"[{','.join(map(literal, thing))}]"
    if isinstance(thing, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{literal(part)}' for name, part in thing.items())}}}"
    return json.dumps(thing) if isinstance(thing, str) else number(thing)


def imported(module: str) -> str:
    """A module as an expression: the object of what it exports."""
    names = ", ".join(re.findall(r"^export function (\w+)", module, re.MULTILINE))
    return f"(() => {{ {module.replace('export function', 'function')}\nreturn {{ {names} }}; }})()"


def run(script: str) -> Any:
    """What the expression `result` is after a script: numbers, texts and lists of them."""
    source = f"{script}\n{SHOWN}\nprocess.stdout.write(JSON.stringify(asText(result)));"
    done = subprocess.run(
        ["node", "--input-type=module", "-"], input=source, capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr[-2000:]
    return _read(json.loads(done.stdout))


def in_browser(page: Any, script: str) -> Any:
    """The same, in a browser's page."""
    return _read(page.evaluate(f"(() => {{ {script}\n{SHOWN}\nreturn asText(result); }})()"))


def _read(thing: Any) -> Any:
    if isinstance(thing, dict):
        return thing["text"]
    return list(map(_read, thing)) if isinstance(thing, list) else float(thing)
