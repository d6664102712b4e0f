"""A real browser for tests: servers on the loopback interface, the system's Chromium, its pages.

Tests that import this module are skipped without Chromium or playwright. `MLCMKD_SCREENSHOTS=folder`
saves screenshots.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlcmkd.course.execution import this_interpreter
from mlcmkd.course.project import NOTEBOOKS

ROOT = NOTEBOOKS.parent
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
SECOND = 1000  # playwright counts milliseconds
PATIENCE = 300 * SECOND  # long, so that a busy machine does not fail the test

if CHROMIUM is None:
    pytest.skip("no Chromium: apt-get install chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup")


@contextmanager
def serving(place: Path, *command: str) -> Iterator[str]:
    """Runs a server on a free port of the loopback interface; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        name: str(place / "jupyter" / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    }
    own |= {
        "JUPYTERLAB_SETTINGS_DIR": str(place / "s"),
        "JUPYTERLAB_WORKSPACES_DIR": str(place / "w"),
    }
    notices = place / "s" / "@jupyterlab" / "apputils-extension"
    notices.mkdir(parents=True, exist_ok=True)
    (notices / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    log = place / f"{command[0]}.log"
    with this_interpreter(), log.open("wb") as output:
        environment = {**os.environ, **own, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
        server = subprocess.Popen(
            [sys.executable, "-m", *command, f"--port={port}"],
            cwd=place,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _until_up(server, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            _stop(server)


def _until_up(server: subprocess.Popen, port: int, log: Path) -> None:
    for _ in range(600):
        if server.poll() is not None:
            break
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"the server did not start:\n{log.read_text()[-2000:]}")


def _stop(server: subprocess.Popen) -> None:
    """Stops a server and its kernels: SIGTERM first, then SIGKILL."""
    for way, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 15)):
        if server.poll() is None:
            server.send_signal(way)
            try:
                server.wait(patience)
            except subprocess.TimeoutExpired:
                continue
    # A kernel has its own process group within the server's session.
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(process.name)) == server.pid:
                os.kill(int(process.name), signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


@contextmanager
def chromium(folder: Path) -> Iterator:
    """A browser with a profile in the folder; 1280 x 800 px."""
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(folder / "profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(PATIENCE)
        sync_api.expect.set_options(timeout=PATIENCE)
        yield context
        context.close()


def save_screenshot(page, name: str) -> None:
    """Saves what a page shows, if the environment asks for it."""
    if folder := os.environ.get("MLCMKD_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


@contextmanager
def new_page(browser, name: str) -> Iterator:
    """A page of which no script fails.

    Args:
        browser: from `chromium`.
        name: of the screenshot.
    """
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    save_screenshot(page, name)
    page.close()
    assert problems == []


def command_of(target: str) -> list[str]:
    """The words of the command that a target of the Makefile runs."""
    recipe = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", "--assume-old=setup", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return shlex.split(recipe.replace("\\\n", " "))


@contextmanager
def voila(place: Path, target: str) -> Iterator[str]:
    """Serves the notebook of a target of the Makefile, a copy in `place`, by its own command."""
    words = command_of(target)
    options = [word for word in words if word.startswith("--")]
    assert any(word.endswith("/voila") for word in words) and "--template=mlcmkd" in options
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(NOTEBOOKS / "page"))
        own = ["--no-browser", "--Voila.ip=127.0.0.1"]
        with serving(place, "voila", f"{target}.ipynb", *options, *own) as address:
            yield address


def foreign(requests: list[str], address: str) -> list[str]:
    """Those requests that were not for the server."""
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    return [url for url in requests if not url.startswith(own)]


def errors_in(page) -> list[str]:
    """Errors among the outputs of a notebook."""
    shown = page.locator('[data-mime-type="application/vnd.jupyter.stderr"], .jp-RenderedText pre')
    return [text for text in shown.all_inner_texts() if "Error" in text or "Traceback" in text]
