"""The page in a real browser: it loads, filters, opens answers, and runs nothing that it did not bring."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from browser import Browser
from report_factory import BEFORE, BEHIND, PASSAGE, flips_of, small_results, small_sources
from selenium.webdriver.common.keys import Keys

from head_ablation.figures.figure import Labels
from head_ablation.report.page import page
from head_ablation.report.selection import EDGE, END
from head_ablation.report.sources import Sources

WIDTHS = (1440, 390)
OUTCOMES = {(True, False): "right → wrong", (False, True): "wrong → right", (True, True): "right → right"}
RUN = "window.hacked=1"
HOSTILE = f"</script><script>{RUN}</script><img src=x onerror={RUN}><svg onload={RUN}>"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return small_sources(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def small(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small study."""
    return written(tmp_path_factory.mktemp("page"), page(sources))


@pytest.fixture
def opened(browser: Browser, small: Path) -> Browser:
    """The small study's page, just loaded."""
    browser.resize(WIDTHS[0])
    browser.open(small)
    return browser


def written(folder: Path, text: str) -> Path:
    path = folder / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def outcomes(flips: pd.DataFrame) -> dict[str, int]:
    """How many answers became what, by the tests' own count."""
    kinds = [OUTCOMES.get(pair, "wrong → wrong") for pair in zip(flips["was"], flips["now"], strict=True)]
    return {name: kinds.count(name) for name in [*OUTCOMES.values(), "wrong → wrong"]}


def shown_outcomes(browser: Browser) -> dict[str, int]:
    """How many answers became what, as the page says."""
    found = re.findall(r"([\d,]+) ((?:right|wrong) → (?:right|wrong))", browser.text("#answers-summary"))
    return {name: int(number.replace(",", "")) for number, name in found}


def chosen(browser: Browser) -> dict[str, str]:
    """The filters that are set."""
    entries = browser.run("return Object.fromEntries(new FormData(document.getElementById('filters')))")
    return {name: value for name, value in entries.items() if value}


def test_the_page_loads_without_an_error_or_a_request(opened: Browser, small: Path) -> None:
    assert opened.logged() == []
    assert set(opened.requested()) <= {"about:blank", small.as_uri()}
    assert len(opened.all("#figure8-panels svg")) == 2 and opened.all("#heads-map svg")


def test_a_request_and_an_error_are_seen(browser: Browser, tmp_path: Path) -> None:
    """Negative control of the test above."""
    text = "<img src=missing.png><script>console.error('no'); fetch('http://127.0.0.1:9/').catch(() => 0)</script>"
    browser.open(written(tmp_path, text))
    browser.wait(lambda: any("127.0.0.1" in url for url in browser.requested()))
    assert browser.logged()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(browser: Browser, small: Path, width: int) -> None:
    browser.resize(width)
    browser.open(small)
    browser.click(browser.all("#answers-table button")[0])
    for details in browser.all("summary"):
        browser.run("arguments[0].parentElement.open = true", details)
    assert browser.run("return document.scrollingElement.scrollWidth") <= browser.run("return innerWidth") == width


def test_flips_are_those_of_the_samples(opened: Browser, sources: Sources) -> None:
    flips = flips_of(sources.samples)
    assert shown_outcomes(opened) == outcomes(flips)
    opened.select("select[name=change]", "flipped")
    flipped = {name: 0 if name.split(" → ")[0] == name.split(" → ")[1] else n for name, n in outcomes(flips).items()}
    assert shown_outcomes(opened) == flipped and sum(flipped.values()) > 0


def test_a_click_on_a_point_shows_the_answers_behind_it(opened: Browser, sources: Sources) -> None:
    opened.click(opened.point(1, "wu24/top/10"))
    assert chosen(opened) == {"question": "inc_state", "arm": "top", "level": "10"} | only_values(sources)
    behind = flips_of(sources.samples).query("question == 'inc_state' and arm == 'top' and level == 10")
    assert shown_outcomes(opened) == outcomes(behind)
    assert opened.text("#figure8-status").startswith("inc state, instruct, wu24, 10 top heads ablated: accuracy")


def only_values(sources: Sources) -> dict[str, str]:
    """What a point chooses of kinds that the study has one of."""
    return {"model": sources.task.models[0], "method": sources.task.methods[0]}


def test_a_click_on_a_single_prompt_length_shows_its_answers_alone(opened: Browser, sources: Sources) -> None:
    opened.click(opened.point(0, "wu24/top/10/512"))
    behind = flips_of(sources.samples).query(
        "question == 'inc_year' and arm == 'top' and level == 10 and tokens == 512"
    )
    assert chosen(opened)["tokens"] == "512" and shown_outcomes(opened) == outcomes(behind)


def test_a_points_tooltip_has_names_for_keys(browser: Browser, tmp_path: Path) -> None:
    labels = Labels(method=(("wu24", "Copy score"),), arm=(("top", "best"),))
    browser.open(written(tmp_path, page(small_sources(tmp_path / "small", labels=labels))))
    browser.hover(browser.point(0, "wu24/top/10"))
    browser.wait(lambda: browser.all("#vg-tooltip-element.visible"))
    said = browser.text("#vg-tooltip-element")
    assert "Copy score" in said and "best" in said and "wu24" not in said


def test_the_experiment_that_departs_most_is_named_and_leads_to_its_answers(opened: Browser, sources: Sources) -> None:
    drops = sources.levels.query("arm == 'top' and level == 5").set_index(["question", "tokens"])["accuracy_drop"]
    question, tokens = (drops - drops.mean()).abs().idxmax()
    opened.select("#experiments-filters select[name=level]", "5")
    name = {"inc_year": "Year of incorporation", "inc_state": "inc state"}[question]
    assert opened.text("#experiments-status").startswith(f"{name}, instruct, {tokens} tokens departs most")
    opened.click(opened.all("#experiments-table button")[0])
    assert chosen(opened) == {"question": question, "tokens": str(tokens), "arm": "top", "level": "5"} | only_values(
        sources
    )


def test_every_point_can_be_chosen_by_keyboard(opened: Browser) -> None:
    opened.tab_to("#figure8-numbers > summary")
    opened.press(Keys.ENTER)
    opened.wait(lambda: opened.all("#figure8-numbers button"))
    rows = opened.run(
        "return JSON.parse(document.getElementById('data-figure8').textContent).panels.map(p => p.rows.length)"
    )
    assert len(opened.all("#figure8-numbers button")) == sum(rows)
    opened.tab_to("#figure8-numbers tr:nth-child(2) button")
    opened.press(Keys.ENTER)
    assert chosen(opened)["question"] == "inc_year" and chosen(opened)["level"] == "5"


def test_an_answer_opens_by_keyboard_and_shows_where_it_stands(opened: Browser) -> None:
    opened.tab_to("#answers-table button")
    opened.press(Keys.ENTER)
    assert opened.text(".detail .passage").strip() == PASSAGE
    assert opened.text(".detail mark") == "1929"
    assert [part.text for part in opened.all(".detail .other")] == ["1993"]
    prompt = opened.text(".detail .prompt")
    assert prompt.startswith("<s>A river") and prompt.endswith("Answer:")
    assert [part.text.strip() for part in opened.all(".detail .fold")] == [
        f"[{len(text) - END - EDGE} characters of filler]" for text in (BEFORE, BEHIND)
    ]
    opened.press(Keys.ENTER)
    assert not opened.all(".detail")


def test_an_opened_answer_stands_beside_the_baseline_and_the_other_levels(opened: Browser, sources: Sources) -> None:
    opened.select("select[name=question]", "inc_year")
    opened.select("select[name=tokens]", "384")
    opened.select("select[name=arm]", "top")
    opened.click(opened.all("#answers-table button")[0])
    one = opened.text("#answers-table button")
    own = sources.samples.query(f"question == 'inc_year' and tokens == 384 and filename == '{one}'")
    texts = {(row["arm"], row["draw"], row["level"]): row["text"].strip() for row in own.to_dict("records")}
    cells = [cell.text.split("\n")[0] for cell in opened.all(".across tbody td")]
    arms = [("top", 0), ("random", 0), ("random", 1)]
    assert cells == [texts[arm, draw, level] for arm, draw in arms for level in (5, 10)]
    assert texts["baseline", 0, 0] in opened.text(".compare")


def test_one_click_leaves_what_flipped_behind_a_point(opened: Browser, sources: Sources) -> None:
    opened.click(opened.point(0, "wu24/top/5"))
    opened.click(opened.all("#answers-flipped")[0])
    behind = flips_of(sources.samples).query("question == 'inc_year' and arm == 'top' and level == 5 and was != now")
    assert sum(shown_outcomes(opened).values()) == len(behind) > 0
    assert chosen(opened)["change"] == "flipped" and chosen(opened)["level"] == "5"


def test_a_level_says_the_scores_on_both_sides_of_its_edge(opened: Browser) -> None:
    said = opened.text("#heads-about")
    assert "Outlined are the heads of ranks 1 to 5: the last has score 0.2, that of rank 6 has 0.2." in said
    assert "7 prompts" in said


def test_words_find_their_answers(opened: Browser, sources: Sources) -> None:
    (box,) = opened.all("input[name=search]")
    box.send_keys("12_1993.txt")
    found = flips_of(sources.samples).query("filename == '12_1993.txt'")
    assert sum(shown_outcomes(opened).values()) == len(found) > 0
    box.clear()
    box.send_keys("there is no such word")
    assert sum(shown_outcomes(opened).values()) == 0 and "no answer fits" in opened.text("#answers-place")


def test_a_head_says_its_rank_and_where_it_is_ablated(opened: Browser) -> None:
    opened.click(opened.all("#heads-table button")[2])
    assert opened.text("#heads-status").startswith(
        "L0H2: rank 3 of 14, score 0.2; tied at level 5; ablated at top levels 5, 10"
    )


# --- what a document or a model says is text ---


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """A study whose texts are markup: answer, gold, filename, passage, label, wording."""
    results = small_results(questions=("inc_year",), lengths=(384,))
    for sample in samples_of(results[0]):
        sample |= {"text": HOSTILE, "gold": HOSTILE}
        sample["filename"] = HOSTILE + sample["filename"]
    keys = {"question": "inc_year", "method": "wu24", "model": "instruct", "arm": "random"}
    labels = Labels(**{kind: ((key, HOSTILE),) for kind, key in keys.items()})
    folder = tmp_path_factory.mktemp("hostile")
    return small_sources(folder, results, labels=labels, matcher="text", passage=HOSTILE + PASSAGE)


def samples_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    entries = [result["baseline"], *result["top_heads_ablations"]]
    entries += [draw for entry in result["random_heads_ablations"] for draw in entry["draws"]]
    return [sample for entry in entries for sample in entry["samples"]]


def has_run(browser: Browser, path: Path) -> bool:
    """Whether markup ran, once all is shown that shows texts."""
    browser.resize(WIDTHS[0])
    browser.open(path)
    for selector in ("#answers-table button", "#heads-table button", "#figure8-numbers summary"):
        for element in browser.all(selector)[:1]:
            browser.click(element)
    return bool(browser.run("return window.hacked")) or bool(browser.all("img"))


def test_markup_in_texts_does_not_run(browser: Browser, hostile: Sources, tmp_path: Path) -> None:
    assert not has_run(browser, written(tmp_path, page(hostile)))
    assert browser.logged() == []
    assert HOSTILE in browser.text("#answers-table") and HOSTILE in browser.text("#finding")


def test_markup_runs_in_a_page_without_escaping(
    browser: Browser, hostile: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: what the test above calls running is seen where nothing is escaped or forbidden."""
    monkeypatch.setattr("head_ablation.report.page.data_block", json.dumps)
    monkeypatch.setattr("head_ablation.report.page.policy", lambda *_: "default-src * 'unsafe-inline'")
    path = written(tmp_path, page(hostile))
    browser.driver.get(path.as_uri())
    assert browser.run("return window.hacked") == 1


def test_the_policy_alone_stops_markup_that_was_not_escaped(
    browser: Browser, hostile: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("head_ablation.report.page.data_block", json.dumps)
    path = written(tmp_path, page(hostile))
    browser.driver.get(path.as_uri())
    assert browser.run("return window.hacked") is None
    assert any("Content Security Policy" in message for message in browser.logged())
