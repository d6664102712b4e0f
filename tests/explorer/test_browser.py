"""JupyterLab and the explorer in a real browser: it opens, runs, and a slider changes the picture.

These tests need a Chromium of the system and are skipped without one. They use the loopback interface
only. `MLCMKD_SCREENSHOTS=folder` saves screenshots.
"""

import hashlib
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

import nbformat
import pytest

from mlcmkd import course
from mlcmkd.course.execution import this_interpreter
from mlcmkd.course.project import NOTEBOOKS
from mlcmkd.explorer.widget import DRAWN

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
TOKEN = "of-this-test"
SECOND = 1000  # playwright counts milliseconds
PATIENCE = 120 * SECOND  # long, so that a busy machine does not fail the test

if CHROMIUM is None:
    pytest.skip("no Chromium: apt-get install chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the explorer at scale smoke, its models trained, and the first lesson."""
    folder = tmp_path_factory.mktemp("browser")
    work = folder / "work"
    lesson = course.TransferLesson(scale="smoke", device="cpu", work=work)
    course.light_student_run(lesson)  # also trains the teacher and its student
    course.student_run(lesson, "none")
    shutil.copy(NOTEBOOKS / "00_tour.ipynb", folder)
    notebook = nbformat.read(NOTEBOOKS / "explorer.ipynb", as_version=4)
    (parameters,) = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    parameters.source += f'\nscale = "smoke"\ndevice = "cpu"\nwork = {str(work)!r}'
    for cell in notebook.cells:
        if cell.cell_type == "code":  # outputs must come from this run
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / "explorer.ipynb")
    return folder


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


@pytest.fixture(scope="module")
def lab(place) -> Iterator[str]:
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={place}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
    ]
    with serving(place, "jupyterlab", *options) as address:
        yield address


@pytest.fixture(scope="module")
def browser(place) -> Iterator:
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(place / "profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(PATIENCE)
        sync_api.expect.set_options(timeout=PATIENCE)
        yield context
        context.close()


@pytest.fixture
def page(browser, request) -> Iterator:
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    if folder := os.environ.get("MLCMKD_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{request.node.name}.png")
    page.close()
    assert problems == []


IMAGE = ".widget-image, img.jupyter-widgets"


def picture_of(page) -> str:
    """A hash of the bytes of the explorer's image."""
    script = """async selector => {
        const image = document.querySelector(selector);
        const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
        return Array.from(bytes, byte => String.fromCharCode(byte)).join("");
    }"""
    return hashlib.sha256(page.evaluate(script, IMAGE).encode()).hexdigest()


def once_at(page, landmark: int) -> str:
    """The hash of the picture once the slider and the message report this landmark as drawn."""
    row = page.locator(".widget-slider", has_text="landmark (index)")
    sync_api.expect(row.locator(".widget-readout")).to_have_text(str(landmark))
    message = page.locator(".widget-html", has_text=f"landmark {landmark}: {DRAWN}")
    message.wait_for(state="attached")
    return picture_of(page)


def move_the_landmark(page) -> None:
    """Moves the landmark's slider one step and back by the keyboard; the picture changes and returns."""
    page.wait_for_selector(IMAGE)
    before = once_at(page, 30)
    handle = page.locator(".widget-slider", has_text="landmark (index)").locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    assert once_at(page, 31) != before
    handle.press("ArrowLeft")
    assert once_at(page, 30) == before


def errors_in(page) -> list[str]:
    shown = page.locator('[data-mime-type="application/vnd.jupyter.stderr"], .jp-RenderedText pre')
    return [text for text in shown.all_inner_texts() if "Error" in text or "Traceback" in text]


def test_the_first_lesson_shows_its_pictures(lab, page):
    page.goto(f"{lab}/lab/workspaces/tour/tree/00_tour.ipynb?token={TOKEN}")
    page.wait_for_selector(".jp-NotebookPanel h1:has-text('00 · Tour')")
    image = page.locator(".jp-OutputArea-output img").first
    image.scroll_into_view_if_needed()
    assert image.evaluate("image => image.complete && image.naturalWidth") > 300
    assert errors_in(page) == []


def test_the_explorer_runs_in_jupyterlab_and_a_slider_changes_the_picture(lab, page):
    page.goto(f"{lab}/lab/workspaces/explorer/tree/explorer.ipynb?token={TOKEN}")
    page.wait_for_selector(".jp-NotebookPanel h1:has-text('Explorer')")
    # Requests before the kernel is idle are lost.
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(IMAGE)
    # The last code cell is complete when its output is shown.
    page.wait_for_selector("text=disturbed.png, disturbed.pdf, disturbed.json", state="attached")
    assert errors_in(page) == []
    page.locator(".widget-slider").first.evaluate("slider => slider.scrollIntoView()")
    move_the_landmark(page)
    assert errors_in(page) == []


def options_of_make_explorer() -> list[str]:
    """The options of voila in the Makefile."""
    recipe = (ROOT / "Makefile").read_text().split("explorer: setup\n")[1].split("\n\n")[0]
    return [word for word in shlex.split(recipe.replace("\\\n", " ")) if word.startswith("--")]


def test_make_explorer_shows_no_code_asks_no_other_host_and_has_working_links(
    place, page, monkeypatch
):
    monkeypatch.setenv("JUPYTER_PATH", str(NOTEBOOKS / "page"))
    options = [
        "explorer.ipynb",
        *options_of_make_explorer(),
        "--no-browser",
        "--Voila.ip=127.0.0.1",
    ]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with serving(place, "voila", *options) as address:
        page.goto(address, wait_until="commit")
        page.wait_for_selector("h1:has-text('Explorer')")
        assert page.request.get(f"{address}/00_tour.ipynb").status == 200
        move_the_landmark(page)
        page.locator(".widget-slider").first.evaluate("slider => slider.scrollIntoView()")
        assert "check_parameters" not in page.content()  # no code
        assert errors_in(page) == []
    own = (address, address.replace("http", "ws"), "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []
