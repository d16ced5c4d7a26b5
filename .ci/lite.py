"""Build JupyterLite by the commands of notebooks/in_the_browser.md, and run the first notebook in Chromium: lite.py PYODIDE.

In a clone of the project, by a Python that has playwright. PYODIDE is a folder, that of Pyodide's npm package: its core alone.
So what the kernel needs besides comes from the package index, as wheels, and Pyodide's list of packages is cut down to these.
In the browser, nothing is asked for but from this machine.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

PAGE = Path("notebooks/in_the_browser.md")
BUILD = Path("build")

#: What the kernel imports: by Pyodide's list, with what that needs, and else by pip.
LISTED, UNLISTED = ("micropip", "ipython", "jedi"), "comm"


def download(folder: Path, *names: str) -> None:
    """Download wheels that run on any system."""
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--platform=any", "--python-version=3.14"]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), *names], check=True)


def place_pyodide(core: Path) -> None:
    """Put Pyodide's core and the wheels that the kernel needs where `jupyter lite build` looks for them."""
    folder = BUILD / "static" / "pyodide"
    shutil.copytree(core, folder)
    lock = json.loads((folder / "pyodide-lock.json").read_text())
    packages, todo = {}, list(LISTED)
    while todo:
        name = todo.pop().replace("_", "-").lower()
        if name not in packages:
            packages[name] = lock["packages"][name]
            todo += packages[name]["depends"]
    download(folder, *(f"{name}=={entry['version']}" for name, entry in packages.items()))
    for entry in packages.values():  # Pyodide packs the wheels anew, so theirs have other hashes
        entry["sha256"] = hashlib.sha256((folder / entry["file_name"]).read_bytes()).hexdigest()
    (folder / "pyodide-lock.json").write_text(json.dumps({**lock, "packages": packages}))
    download(BUILD / "wheels", UNLISTED)


def build() -> None:
    """Run the commands of the page."""
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    done = subprocess.run(["bash", "-euc", commands], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(done.stdout)


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that does not say what it is asked for."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def run(site: Path) -> None:
    """Open the notebook, install the library as the page says, run all cells, and look at what they show."""
    handler = functools.partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = chromium.new_context(viewport={"width": 1000, "height": 900})
        context.set_default_timeout(180_000)
        elsewhere: list[str] = []
        context.route(
            lambda url: not url.startswith((address, "data:", "blob:")),
            lambda route: (elsewhere.append(route.request.url), route.abort()),
        )
        page = context.new_page()
        (link,) = re.findall(r"<http://127.0.0.1:8000/(.*?)>", PAGE.read_text(encoding="utf-8"))
        name = link.partition("path=")[2]
        cells = len(json.loads((PAGE.parent / name).read_text(encoding="utf-8"))["cells"])
        page.goto(address + link)
        page.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]')
        page.click(".jp-Notebook .jp-Cell >> nth=0")
        page.keyboard.press("Escape")
        page.keyboard.press("a")
        page.keyboard.press("Enter")
        (install,) = re.findall(r"^%pip .*$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
        page.keyboard.type(install)
        for _ in range(1 + cells):  # the last one makes a new cell
            page.keyboard.press("Shift+Enter")
        # What the notebook stores is shown even if nothing runs.
        page.keyboard.type("print('run to the end:', f'{w1.grad:.4f}')")
        page.keyboard.press("Shift+Enter")
        page.get_by_text(re.compile(r"^run to the end: ")).wait_for()
        problems = {
            "outcome": [] if page.get_by_text("run to the end: -0.1966").count() else ["another gradient than -0.1966"],
            "errors": page.locator(
                "[data-mime-type='application/vnd.jupyter.stderr'], .jp-RenderedText[data-mime-type*=error]"
            ).all_inner_texts(),
            "pictures": [] if page.locator(".microgrannd-picture svg").count() else ["none that is alive"],
            "asked for elsewhere": elsewhere,
        }
        chromium.close()
        server.shutdown()
    if any(problems.values()):
        sys.exit(json.dumps(problems, indent=1))


if __name__ == "__main__":
    place_pyodide(Path(sys.argv[1]))
    build()
    run(BUILD / "site")
    print("notebook 1 runs in JupyterLite")
