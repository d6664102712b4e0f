"""The built site in a real browser: search without a server, a phone, the dark theme.

Skipped where `make book` has not built it, and without Chromium; `MLCMKD_SCREENSHOTS=folder` saves
screenshots.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import CHROMIUM, FLAGS, PATIENCE

SITE = Path(__file__).parents[2] / "docs/_build/html"
if not (SITE / "search.html").is_file():
    pytest.skip("no site: make book", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright: make setup")

PAGES = [
    "index.html",
    "start/quickstart.html",
    "404.html",
    "course.html",
    "lessons/03_ktl_dikd.html",
    "exercises/03_ktl_dikd.html",
    "results/ktl_strategies.html",
    "reference/api/mlcmkd.distillation.html",
    "reference/configs.html",
    "reference/commands.html",
    "what_is_checked.html",
]
GUIDES = ["own_pairs", "train", "distil", "kd_loss", "predict", "deploy", "studies", "cluster"]


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser, page: str, width: int, theme: str = "light"):
    """A page of the site, which may not ask another host."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    foreign: list[str] = []
    tab.on("request", lambda each: foreign.append(each.url))
    tab.goto((SITE / page.partition("?")[0]).as_uri() + page[len(page.partition("?")[0]) :])
    if folder := os.environ.get("MLCMKD_SCREENSHOTS"):
        name = f"book_{page.partition('?')[0].replace('/', '_')}_{width}_{theme}.png"
        tab.screenshot(path=Path(folder) / name)
    assert not [url for url in foreign if not url.startswith(("file:", "data:"))]
    return tab


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [400, 1400])
def test_a_page_is_as_wide_as_the_screen(browser, page, width):
    tab = opened(browser, page, width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    # Nothing sticks out, but for what scrolls by itself.
    outside = tab.evaluate(
        """width => [...document.querySelectorAll(".bd-article :is(h1, h2, h3, p, li, dt, img)")]
        .filter(each => each.getBoundingClientRect().right > width + 2)
        .filter(each => !each.closest("table, pre, .formula"))
        .map(each => each.textContent.slice(0, 60))""",
        width,
    )
    assert not outside
    tab.context.close()


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("radiometry", "mlcmkd.data.thermal.radiometry"),
        ("DIKD", "03 · KTL: from the RGB teacher"),
        ("my own pairs", "Use your own pairs"),
        ("NME", "Glossary"),
    ],
)
def test_the_search_works_without_a_server(browser, words, page):
    tab = opened(browser, f"search.html?q={words}", 1400)
    tab.wait_for_selector("#search-results li a")
    first = tab.locator("#search-results li a").all_inner_texts()[:8]
    assert any(page in each for each in first)
    tab.context.close()


def test_a_found_page_marks_the_word(browser):
    tab = opened(browser, "search.html?q=radiometry", 1400)
    tab.locator("#search-results li a", has_text="Thermal images").first.click()
    tab.wait_for_selector(".bd-article .highlighted", timeout=30_000)
    tab.context.close()


def test_commands_of_the_first_pages_are_not_cut_on_a_laptop(browser):
    tab = opened(browser, "index.html", 1280)
    for page in ["start/quickstart", "reference/commands", *(f"guides/{name}" for name in GUIDES)]:
        tab.goto((SITE / f"{page}.html").as_uri())
        cut = tab.evaluate(
            """[...document.querySelectorAll(".bd-article pre")]
            .filter(each => each.scrollWidth > each.clientWidth + 2)
            .map(each => each.textContent.slice(0, 60))"""
        )
        assert not cut, page
    tab.context.close()


def test_a_figure_opens_at_full_size(browser):
    tab = opened(browser, "lessons/02_teacher.html", 400)
    link = tab.locator(".bd-article a.full-size").first
    assert (SITE / "lessons" / link.get_attribute("href")).resolve().is_file()
    tab.context.close()


def test_a_keyboard_reaches_the_text_first(browser):
    tab = opened(browser, "guides/predict.html", 1280)
    tab.keyboard.press("Tab")
    assert "Skip to main content" in tab.evaluate("document.activeElement.textContent")
    tab.keyboard.press("Enter")
    tab.keyboard.press("Tab")
    assert tab.evaluate("Boolean(document.activeElement.closest('#main-content, .bd-main'))")
    tab.context.close()


def test_a_page_can_be_read_without_javascript(browser):
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 1280, "height": 900}
    )
    tab = context.new_page()
    tab.goto((SITE / "guides/predict.html").as_uri())
    assert (
        tab.locator(".bd-article h1").is_visible()
        and tab.locator(".bd-sidebar-primary").is_visible()
    )
    context.close()


def test_the_dark_theme_is_dark_and_its_figures_have_a_light_ground(browser):
    tab = opened(browser, "lessons/03_ktl_dikd.html", 1400, "dark")
    red = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(red[:3]) < 60
    ground = tab.evaluate(
        "getComputedStyle(document.querySelector('.bd-article img')).backgroundColor"
    )
    assert ground == "rgb(255, 255, 255)"
    tab.context.close()


def test_a_solution_is_shown_on_demand(browser):
    tab = opened(browser, "exercises/03_ktl_dikd.html", 400)
    summary = tab.locator("summary", has_text="Show the solution").first
    answer = summary.locator("xpath=ancestor::details").locator("pre").first
    assert not answer.is_visible()
    summary.click()
    answer.wait_for(state="visible")
    tab.context.close()
