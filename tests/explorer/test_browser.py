"""JupyterLab and the explorer in a real browser: it opens, runs, and a slider changes the picture.

These tests need a Chromium of the system and are skipped without one. They use the loopback interface
only. `MLCMKD_SCREENSHOTS=folder` saves screenshots.
"""

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from mlcmkd import course
from mlcmkd.course.project import NOTEBOOKS
from mlcmkd.explorer.widget import DRAWN
from tests.browser import (
    ROOT,
    chromium,
    command_of,
    errors_in,
    foreign,
    new_page,
    save_screenshot,
    serving,
    sync_api,
    voila,
)

TOKEN = "of-this-test"
SERVER = (
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    f"--IdentityProvider.token={TOKEN}",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)


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


@pytest.fixture(scope="module")
def lab(place) -> Iterator[str]:
    with serving(place, "jupyterlab", *SERVER, f"--ServerApp.root_dir={place}") as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator:
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def page(browser, request) -> Iterator:
    with new_page(browser, request.node.name) as page:
        yield page


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


def test_the_first_lesson_shows_its_pictures(lab, page):
    page.goto(f"{lab}/lab/workspaces/tour/tree/00_tour.ipynb?token={TOKEN}")
    page.wait_for_selector(".jp-NotebookPanel h1:has-text('00 · Tour')")
    image = page.locator(".jp-OutputArea-output img").first
    image.scroll_into_view_if_needed()
    assert image.evaluate("image => image.complete && image.naturalWidth") > 300
    assert errors_in(page) == []


def test_make_lab_opens_the_first_lesson_and_its_links(tmp_path, page):
    """The whole project is served: a lesson's link to a page beside `notebooks/` leads to it."""
    for name in ("notebooks/00_tour.ipynb", "docs/glossary.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    words = command_of("lab")
    assert words[0].endswith("/jupyter") and words[1] == "lab"
    with serving(tmp_path, "jupyterlab", *words[2:], *SERVER) as address:
        page.goto(f"{address}/?token={TOKEN}")
        page.wait_for_selector(".jp-NotebookPanel h1:has-text('00 · Tour')")
        page.locator(".jp-NotebookPanel a[href*='glossary.md']").first.click()
        page.wait_for_selector(".jp-MarkdownViewer h1:has-text('Glossary')")
        page.goto("about:blank")  # before the server stops, which the page would report


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


def widths_of(page, selector: str) -> list[float]:
    script = "all => all.map(each => each.getBoundingClientRect().width)"
    return page.locator(selector).evaluate_all(script)


def test_the_page_can_be_used_at_any_width_and_by_a_screen_reader(place, page):
    with voila(place, "explorer") as address:
        page.set_viewport_size({"width": 400, "height": 800})
        page.goto(address, wait_until="commit")
        page.wait_for_selector("#mlcmkd-wait:has-text('first picture')")
        page.wait_for_selector("h1:has-text('Explorer')")
        page.wait_for_selector("#mlcmkd-wait", state="detached")
        page.wait_for_selector(IMAGE)
        names = page.locator(".noUi-handle").evaluate_all(
            "all => all.map(each => each.getAttribute('aria-label'))"
        )
        assert "landmark (index)" in names and "noise (of range)" in names
        assert [name for name in names if name.endswith((", from", ", to"))] == [
            "thermal range (°C), from",
            "thermal range (°C), to",
        ]
        alternative = page.locator("img.widget-image").get_attribute("alt")
        assert alternative.startswith("RGB and thermal image, with heatmap")
        for width, beside in ((400, False), (1280, False), (1920, True)):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            save_screenshot(page, f"explorer_{width}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert min(widths_of(page, ".widget-slider .slider-container")) >= 85
            assert min(widths_of(page, ".mlcmkd-explorer select")) >= 100
            assert widths_of(page, IMAGE)[0] >= 760
            tops = [
                page.locator(f".mlcmkd-{part}").bounding_box()["y"] for part in ("controls", "view")
            ]
            assert (abs(tops[0] - tops[1]) < 20) == beside
        assert errors_in(page) == []


def test_make_explorer_shows_no_code_asks_no_other_host_and_has_working_links(place, page):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with voila(place, "explorer") as address:
        page.goto(address, wait_until="commit")
        page.wait_for_selector("h1:has-text('Explorer')")
        assert page.request.get(f"{address}/00_tour.ipynb").status == 200
        move_the_landmark(page)
        page.locator(".widget-slider").first.evaluate("slider => slider.scrollIntoView()")
        assert "check_parameters" not in page.content()  # no code
        assert errors_in(page) == []
    assert foreign(asked, address) == []
