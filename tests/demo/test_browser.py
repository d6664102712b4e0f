"""`make demo` in a real browser: examples, dropped files, the zip, a phone's width; one page for all."""

import base64
import shutil
import zipfile
from collections.abc import Iterator

import pytest

from mlcmkd.course.project import NOTEBOOKS
from mlcmkd.demo.uploads import Upload
from tests.browser import chromium, errors_in, foreign, new_page, sync_api, voila
from tests.demo.files import BROKEN, centikelvin, stack

PICTURE = "img.mlcmkd-picture"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator:
    """The page, loaded and with its first example; it asks no other host."""
    place = tmp_path_factory.mktemp("demo")
    shutil.copy(NOTEBOOKS / "demo.ipynb", place)
    centikelvin()  # compiles the renderer, if that was never done
    asked: list[str] = []
    with chromium(place) as browser, new_page(browser, "demo") as page:
        page.set_viewport_size({"width": 1280, "height": 1170})
        page.on("request", lambda request: asked.append(request.url))
        with voila(place, "demo") as address:
            page.goto(address, wait_until="commit")
            page.wait_for_selector(PICTURE)
            yield page
            assert errors_in(page) == []
        assert foreign(asked, address) == []


@pytest.fixture
def phone(page) -> Iterator:
    """The same page, 360 px wide."""
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    yield page
    page.set_viewport_size(size)


def drop(page, *uploads: Upload) -> None:
    """Drops files on the field."""
    files = [[each.name, base64.b64encode(each.content).decode()] for each in uploads]
    dropped = page.evaluate_handle(
        """files => files.reduce((all, [name, text]) => {
            const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
            all.items.add(new File([bytes], name));
            return all;
        }, new DataTransfer())""",
        files,
    )
    page.dispatch_event(".mlcmkd-drop", "drop", {"dataTransfer": dropped})


def sticking_out(page) -> list[str]:
    """What is wider than the screen, but for tables, which scroll."""
    return page.evaluate(
        """[...document.querySelectorAll("#rendered_cells *")]
        .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
        .filter(each => !each.closest(".mlcmkd-table, style, script"))
        .map(each => `${each.tagName} ${each.className}`)"""
    )


def test_the_page_shows_an_example_without_code(page):
    assert page.locator("h1:has-text('Demo')").is_visible()
    assert "1 face with boxes, landmarks" in page.locator(PICTURE).get_attribute("alt")
    assert "mlcmkd.demo.widget" not in page.content()
    unnamed = page.evaluate(
        """[...document.querySelectorAll("input, select, button, progress")]
        .filter(each => each.checkVisibility() && !each.labels?.length && !each.ariaLabel)
        .filter(each => !each.innerText.trim() && !each.title).map(each => each.outerHTML)"""
    )
    assert unnamed == []


def test_the_button_makes_another_example_also_by_the_keyboard(page):
    before = page.locator(PICTURE).get_attribute("src")
    page.get_by_label("camera").select_option("RGB")
    button = page.get_by_role("button", name="Make an example")
    button.focus()
    button.press("Enter")
    page.wait_for_selector("text=read as RGB")
    assert page.locator(PICTURE).get_attribute("src") != before
    assert page.get_by_role("table", name="Temperatures of face 0").count() == 0


def test_dropped_files_give_temperatures_and_a_broken_one_a_line(page):
    drop(page, centikelvin(), BROKEN)
    table = page.get_by_role("table", name="Temperatures of face 0")
    table.wait_for()
    forehead = table.get_by_role("row", name="forehead").get_by_role("cell").first.inner_text()
    assert 25 < float(forehead) < 40
    page.wait_for_selector("[role=alert]:has-text('error: broken.png: not a complete image')")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the results").click()
    assert download.value.suggested_filename == "mlcmkd-results.zip"
    with zipfile.ZipFile(download.value.path()) as archive:
        assert "thermal/temperatures.csv" in archive.namelist()
        assert f",{forehead}," in archive.read("thermal/temperatures.csv").decode()


def test_the_frames_of_a_chosen_stack_are_shown(page, tmp_path):
    file = tmp_path / "stack.npy"
    file.write_bytes(stack(3).content)
    page.set_input_files(".mlcmkd-drop input", file)
    page.wait_for_selector("text=stack.npy#000000")
    handle = page.locator(".widget-slider .noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    page.wait_for_selector("text=stack.npy#000001")
    assert page.locator(PICTURE).get_attribute("alt").startswith("stack.npy#000001: 1 face")


def test_too_large_a_file_is_refused_before_it_is_sent(page):
    dropped = page.evaluate_handle(
        """() => {
            const all = new DataTransfer();
            all.items.add(new File([new Uint8Array(101e6)], "large.npy"));
            return all;
        }"""
    )
    page.dispatch_event(".mlcmkd-drop", "drop", {"dataTransfer": dropped})
    page.wait_for_selector("[role=alert]:has-text('101 MB; at most 100 MB at once')")
    sync_api.expect(page.locator(".mlcmkd-drop input")).to_be_enabled()


def test_on_a_phone_nothing_is_wider_than_the_screen(phone):
    phone.get_by_role("button", name="More options").click()
    phone.get_by_label("palette").wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") == 360
    assert sticking_out(phone) == []
    assert phone.locator(PICTURE).bounding_box()["width"] > 300
