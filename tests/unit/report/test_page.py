"""The page holds what the files say, within its budget, and no text of theirs is markup or code."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from report_factory import LEVELS, PASSAGE, flips_of, small_results, small_sources, write_study
from results_factory import answers, result
from statsmodels.stats.contingency_tables import mcnemar

from head_ablation.common.experiment import Experiment
from head_ablation.common.files import read_json, sha256_file, write_json
from head_ablation.common.lineage import Record, record_file
from head_ablation.common.problems import StudyError
from head_ablation.figures.figure import Labels
from head_ablation.prompts.prompt_text import PromptText
from head_ablation.report import SECTIONS
from head_ablation.report.audit import markdown_html
from head_ablation.report.page import TEMPLATES, data_block, page, policy
from head_ablation.report.section import Content
from head_ablation.report.selection import EDGE, END, MARGIN, excerpt, selected
from head_ablation.report.sources import Sources, read_sources
from head_ablation.results.flips import Change, changes, counts
from head_ablation.results.sign_flips import sign_flip_p

HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=hacked=2>&\u2028\u2029]]>"
KINDS = {(True, False): Change.LOST, (False, True): Change.GAINED, (True, True): Change.KEPT}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    return small_sources(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def text(sources: Sources) -> str:
    return page(sources)


def content(sources: Sources, name: str) -> Content:
    return SECTIONS[name].content(sources)


def blocks(text: str) -> dict[str, Any]:
    """The data that the page holds, by section."""
    found = re.findall(r'<script type="application/json" id="data-(\w+)">(.*?)</script>', text, re.DOTALL)
    return {name: json.loads(block) for name, block in found}


def every_label(text: str) -> Labels:
    """One label for everything that the small study can show."""
    keys = {"method": ["wu24"], "model": ["instruct"], "question": ["inc_year", "inc_state"], "arm": ["top", "random"]}
    return Labels(**{kind: tuple((key, text) for key in own) for kind, own in keys.items()})


def without_scripts(text: str) -> str:
    """The page without its scripts, whose own code has tags and addresses in it; the data blocks stay."""
    return re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


# --- the page as a file ---


def test_equal_files_make_equal_bytes(sources: Sources, text: str) -> None:
    assert page(sources) == text


def test_every_section_has_a_template_and_a_place_in_the_navigation(text: str) -> None:
    for section in SECTIONS:
        assert (TEMPLATES / f"{section.name}.html").is_file()
        assert f'<a href="#{section.name}">' in text and f'<section id="{section.name}"' in text


def test_the_page_names_no_other_file_and_no_address(text: str) -> None:
    """Outside its scripts, in which the charts' library names the addresses of its schemas."""
    assert not re.search(r"(?:src|href)=(?!\"#)|url\(|@import", without_scripts(text))


def test_the_policy_lets_in_the_pages_own_scripts_and_no_request(text: str) -> None:
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    stated = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert stated and stated[1].replace("&#39;", "'") == policy(scripts, style)
    assert "default-src 'none'" in stated[1].replace("&#39;", "'") and "unsafe" not in stated[1]
    assert policy([scripts[0] + " "], style) != policy(scripts[:1], style)


def test_a_data_block_keeps_texts_and_cannot_be_ended_by_them() -> None:
    block = data_block({HOSTILE: HOSTILE})
    assert json.loads(block) == {HOSTILE: HOSTILE}
    assert not set("<>&\u2028\u2029") & set(block)


def test_no_text_of_a_label_or_answer_stands_as_it_is(tmp_path: Path) -> None:
    results = small_results()
    results[0]["baseline"]["samples"][0]["text"] = HOSTILE
    text = page(small_sources(tmp_path, results, labels=every_label(HOSTILE)))
    assert not re.search("hacked=1</script>|<img src=x", without_scripts(text))
    assert HOSTILE in blocks(text)["answers"]["texts"]


def test_the_audits_markdown_makes_no_tag_of_its_texts() -> None:
    html = markdown_html("# Audit\n\n## Claims\n\n| a | b |\n| --- | --- |\n| <b>x</b> | ![p](http://a.b) |\n")
    assert "<h2>Claims</h2>" in html and "<td>&lt;b&gt;x&lt;/b&gt;</td>" in html
    assert "<b>" not in html and "<img" not in html and "href" not in html


# --- the answers ---


def test_flips_are_those_of_the_samples(sources: Sources) -> None:
    expected = flips_of(sources.samples)
    found = changes(sources.samples)
    keys = ["question", "tokens", "arm", "level", "draw", "filename"]
    both = found.merge(expected, on=keys, validate="one_to_one")
    kinds = [KINDS.get((was, now), Change.MISSED) for was, now in zip(both["was"], both["now"], strict=True)]
    assert len(both) == len(expected) and both["change"].tolist() == kinds
    assert sum(counts(found).values()) == len(expected) and counts(found)[Change.LOST] > 0


def test_a_swapped_verdict_is_seen(sources: Sources) -> None:
    """Negative control: the comparison is not one of equal tables whatever they hold."""
    swapped = sources.samples.assign(correct=~sources.samples["correct"])
    assert counts(changes(swapped))[Change.LOST] == counts(changes(sources.samples))[Change.GAINED]
    assert counts(changes(swapped)) != counts(changes(sources.samples))


def test_every_answer_stands_on_the_page_with_its_texts(sources: Sources, text: str) -> None:
    data = blocks(text)["answers"]
    expected = flips_of(sources.samples)
    found = [
        (
            *data["experiments"][data["prompts"][p]["experiment"]],
            data["prompts"][p]["filename"],
            *data["conditions"][c],
            t,
        )
        for p, c, t in zip(data["prompt"], data["condition"], map(data["texts"].__getitem__, data["text"]), strict=True)
    ]
    columns = ["method", "model", "question", "tokens", "filename", "arm", "level", "draw", "text"]
    assert sorted(found) == sorted(expected[columns].itertuples(index=False, name=None))


def test_answers_that_do_not_fit_are_left_out_behind_those_that_flipped(sources: Sources) -> None:
    changed = changes(sources.samples)
    flipped = sum(counts(changed)[change] for change in (Change.LOST, Change.GAINED))
    whole = len(data_block(selected(changed, {}, {})))
    found = selected(changed, {}, {}, budget=whole * 2 // 3)
    assert flipped < len(found["prompt"]) < len(changed)
    assert sum(change <= Change.GAINED for change in found["change"]) == flipped
    assert len(data_block(found)) <= whole * 2 // 3
    few = selected(changed, {}, {}, budget=whole // 4)
    assert few["change"] and set(few["change"]) <= {Change.LOST, Change.GAINED}


def test_the_page_says_how_many_answers_it_leaves_out(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("head_ablation.report.answers.selected", lambda *given: selected(*given, budget=6000))
    shown = content(sources, "answers").shown
    assert 0 < shown["shown"] < shown["total"] and shown["shown_flips"] <= shown["flips"]
    words = " ".join(page(sources).split())
    assert f"{shown['shown']} of {shown['total']} answers under ablation are on this page" in words


def prompt(passage: str, span: tuple[int, int] | None, before: str = "<s>In 1850. ", behind: str = " A:") -> PromptText:
    """The text of a prompt; the answer's span counts within the passage."""
    start = len(before)
    answer = (start + span[0], start + span[1]) if span else None
    return PromptText("1.txt", "1929", before + passage + behind, (start, start + len(passage)), answer)


def test_a_passages_marks_count_as_javascript_does() -> None:
    found = excerpt(prompt("\U0001f4c8 in 1929, not 1993", (5, 9)), "year")
    units = found["passage"][0].encode("utf-16-le")
    start, end = found["span"]
    assert units[2 * start : 2 * end].decode("utf-16-le") == "1929"
    ((start, end),) = found["others"]
    assert units[2 * start : 2 * end].decode("utf-16-le") == "1993"


def test_a_long_passage_is_cut_around_its_answer() -> None:
    found = excerpt(prompt("a" * 9000 + "1929" + "b" * 9000, (9000, 9004)), "year")
    assert found["passage"] == ["a" * MARGIN + "1929" + "b" * MARGIN]
    assert found["folded"] == [0, 9000 - MARGIN, 9000 - MARGIN, 0] and found["span"] == [MARGIN, MARGIN + 4]


def test_a_passage_without_its_answer_is_shown_from_its_beginning() -> None:
    found = excerpt(prompt(PASSAGE, None), "year")
    assert found["passage"] == [PASSAGE] and "span" not in found
    long = excerpt(prompt("a" * 9000, None), "year")
    assert long["passage"] == ["a" * (MARGIN + 1)] and long["folded"] == [0, 0, 9000 - MARGIN - 1, 0]


def test_a_short_prompt_is_shown_whole() -> None:
    found = excerpt(prompt(PASSAGE, None), "year")
    assert "".join([*found["before"], *found["passage"], *found["behind"]]) == f"<s>In 1850. {PASSAGE} A:"
    assert found["folded"] == [0, 0, 0, 0]


def test_only_the_middle_of_filler_is_folded() -> None:
    before, behind = "<s>" + "f" * 2000 + "last", "next" + "g" * 2000 + "Q? A:"
    found = excerpt(prompt(PASSAGE, None, before, behind), "year")
    assert found["before"] == [before[:END], before[-EDGE:]] and found["behind"] == [behind[:EDGE], behind[-END:]]
    assert found["folded"] == [len(before) - END - EDGE, 0, 0, len(behind) - END - EDGE]


def test_every_prompt_on_the_page_has_the_text_that_the_model_read(sources: Sources, text: str) -> None:
    data = blocks(text)["answers"]
    for one in data["prompts"]:
        _, *experiment = data["experiments"][one["experiment"]]
        read = sources.prompts[Experiment(*experiment)][one["filename"]].text
        first, *last = (data["parts"][part] for name in ("before", "passage", "behind") for part in one[name])
        assert read.startswith(first) and read.endswith(last[-1]) and all(part in read for part in last)
        assert sum(map(len, [first, *last])) + sum(one["folded"]) == len(read)


# --- the other sections ---


def test_the_finding_has_the_numbers_of_the_key_results(tmp_path: Path) -> None:
    """A study of one question, whose key results are those of that question."""
    sources = small_sources(tmp_path, small_results(questions=("inc_year",)))
    (found,) = content(sources, "finding").shown["findings"]
    highest = sources.key_results.iloc[-1]
    assert found["level"] == LEVELS[-1] and found["basis"]["companies"] == highest["companies"]
    for contrast, name in zip(found["contrasts"], ["top_drop", "random_drop", "gap"], strict=True):
        numbers = [highest[f"{name}_points{suffix}"] for suffix in ("", "_low", "_high")]
        assert [contrast[key] for key in ("value", "low", "high")] == pytest.approx(numbers)


def test_every_difference_of_every_level_has_its_test(sources: Sources, text: str) -> None:
    findings = content(sources, "finding").shown["findings"]
    cells = [cell for found in findings for level in found["levels"] for cell in level["cells"]]
    assert len(cells) == 2 * len(LEVELS) * 3 and all(0 < cell["p"] <= 1 for cell in cells)
    assert text.count("p\u00a0") == len(cells) + sum(len(found["contrasts"]) for found in findings)
    own = sources.samples.query("question == 'inc_year' and counted")
    right = own.astype({"correct": float}).pivot_table("correct", ["company", "tokens"], ["arm", "level"])
    differences = (right["baseline", 0] - right["top", LEVELS[0]]).groupby("company").mean()
    assert findings[0]["levels"][0]["cells"][0]["p"] == pytest.approx(sign_flip_p(differences))


def test_one_answer_a_company_is_tested_by_mcnemar(tmp_path: Path) -> None:
    base, top = answers("1111111111-0"), answers("0000000011-1")
    made = result(base, {10: top}, {10: [base]})
    (found,) = content(small_sources(tmp_path, [made]), "finding").shown["findings"]
    drop, random_drop, gap = (contrast["p"] for contrast in found["contrasts"])
    assert drop == gap == pytest.approx(mcnemar([[2, 8], [1, 0]], exact=True).pvalue)
    assert random_drop == 1


def test_figure_8_has_a_point_for_every_curve_and_experiment(sources: Sources) -> None:
    data = content(sources, "figure8").data
    assert [panel["question"] for panel in data["panels"]] == list(sources.task.questions)
    for panel in data["panels"]:
        rows = pd.DataFrame(panel["rows"])
        mean = rows[(rows["kind"] == "mean") & (rows["arm"] == "top")].set_index("level")["accuracy"]
        own = sources.curves.query(f"question == '{panel['question']}' and arm == 'top'").set_index("level")["accuracy"]
        assert mean.to_dict() == pytest.approx((100 * own).to_dict(), abs=0.01)
        assert len(rows[rows["kind"] == "one"]) == 2 * len(rows[rows["kind"] == "mean"])


def test_experiments_stand_in_the_order_of_their_departure_from_the_mean(sources: Sources) -> None:
    rows = pd.DataFrame(content(sources, "experiments").data["rows"])
    for level, own in rows.groupby("level"):
        drops = sources.levels.query(f"arm == 'top' and level == {level}").set_index(["question", "tokens"])
        expected = 100 * (drops["accuracy_drop"] - drops["accuracy_drop"].mean())
        found = own.set_index(["question", "tokens"])["departure"]
        assert found.to_dict() == pytest.approx(expected.to_dict(), abs=0.06)
        assert found.abs().is_monotonic_decreasing and found.abs().nunique() > 1
    assert (rows["baseline"] - rows["accuracy"] - rows["accuracy_drop"]).abs().max() < 0.16


def test_a_level_that_a_tie_parts_is_hollow_and_named_with_its_heads(sources: Sources) -> None:
    rows = pd.DataFrame(content(sources, "figure8").data["panels"][0]["rows"])
    assert not rows.query("arm == 'top' and level == 10")["filled"].any()
    first = content(sources, "heads").data["maps"][0]
    assert [cut["tied"] for cut in first["cuts"]] == [6, 6]
    assert first["grid"] == (4, 8) and first["prompts"] == 7


def test_heads_have_the_sets_of_their_index(sources: Sources) -> None:
    first = content(sources, "heads").data["maps"][0]
    assert [(one["arm"], one["level"], one["draw"]) for one in first["sets"]] == [
        *[("random", 5, 0), ("random", 5, 1), ("top", 5, None)],
        *[("random", 10, 0), ("random", 10, 1), ("top", 10, None)],
    ]
    assert sorted(first["sets"][2]["heads"]) == sorted(first["heads"][:5])


def test_without_head_sets_the_ranking_tells_those_of_the_top_arm(sources: Sources) -> None:
    bare = replace(sources, head_sets={}, shapes={})
    first = content(bare, "heads").data["maps"][0]
    assert [(one["arm"], one["level"]) for one in first["sets"]] == [("top", 5), ("top", 10)]
    assert first["grid"] == (2, 8) and not first["known"]


def test_times_are_told_by_device_and_gpu_hours_count_every_gpu(tmp_path: Path) -> None:
    sources = small_sources(tmp_path, small_results(models=("instruct", "base"), questions=("inc_year",)))
    jobs = {job["device"]: job for job in content(sources, "record").shown["jobs"]}
    assert jobs["NVIDIA H100"]["gpu_hours"] == 4 and jobs["NVIDIA H100"]["hours"] == 2
    assert jobs["cpu"]["gpu_hours"] is None and jobs["cpu"]["jobs"] == 2


def test_a_study_of_given_results_without_answers_has_its_page(tmp_path: Path) -> None:
    text = page(small_sources(tmp_path, [bare_result()]))
    assert "no answers" in text and "No test" in text
    assert set(blocks(text)) == {"figure8", "experiments", "heads"} and "its own mean" in text


def test_a_study_in_which_no_head_was_ranked_has_its_page(tmp_path: Path) -> None:
    sources = small_sources(tmp_path, [result(answers("1101"), {}, {})])
    text = page(replace(sources, rankings={key: {"head_rankings": []} for key in sources.rankings}))
    assert text.count("No head could be ranked") == 3 and "nothing to draw" in text and blocks(text) == {}


def test_given_answers_may_lack_texts(sources: Sources) -> None:
    bare = replace(sources, samples=sources.samples.assign(text=None, gold=None).astype({"text": "str", "gold": "str"}))
    assert set(content(bare, "answers").data["texts"]) == {""}


# --- names ---


def test_a_model_and_a_method_of_one_key_keep_their_own_names(tmp_path: Path) -> None:
    labels = Labels(method=(("same", "The method"),), model=(("same", "The model"),))
    made = small_results(methods=("same",), models=("same",), questions=("inc_year",))
    sources = small_sources(tmp_path, made, labels=labels)
    for name in ("figure8", "answers", "heads"):
        found = content(sources, name).data["labels"]
        assert (found["method"]["same"], found["model"]["same"]) == ("The method", "The model")
    (found,) = content(sources, "finding").shown["findings"]
    assert found["method"] == "The method"
    assert content(sources, "figure8").data["legend"][0]["text"] == "top heads of The method"


def test_arms_have_their_names_in_the_finding(tmp_path: Path) -> None:
    text = page(small_sources(tmp_path, labels=Labels(arm=(("random", "controls drawn anew"),))))
    assert "controls drawn anew heads ablated minus that with top heads ablated" in " ".join(text.split())
    assert "random heads" not in without_scripts(text)


# --- files that do not belong together ---


def test_head_sets_of_another_ranking_are_refused_by_name(tmp_path: Path) -> None:
    task = write_study(tmp_path, small_results(questions=("inc_year",), lengths=(384,)))
    (*_, ranking) = task.rankings[0]
    content = read_json(ranking)
    entries = content["head_rankings"]
    entries[0]["head"], entries[13]["head"] = entries[13]["head"], entries[0]["head"]
    write_json(ranking, content)
    with pytest.raises(StudyError) as refused:
        read_sources(tmp_path, task, None, [])
    said = str(refused.value)
    assert "heads/wu24/instruct/inc_year/tokens_384/index.json" in said and "top-5" in said and "top-10" in said
    assert "L0H0" in said and entries[0]["head"] in said


def test_a_change_behind_the_last_level_is_no_other_ranking(tmp_path: Path) -> None:
    """Negative control: what no set holds may differ."""
    task = write_study(tmp_path, small_results(questions=("inc_year",), lengths=(384,)))
    (*_, ranking) = task.rankings[0]
    content = read_json(ranking)
    content["head_rankings"][10:] = content["head_rankings"][:9:-1]
    write_json(ranking, content)
    assert read_sources(tmp_path, task, None, []).head_sets


def record_provenance(folder: Path) -> Path:
    """Provenance beside the record of the job that wrote it."""
    made = folder / "generations/baseline/instruct/inc_year/tokens_384.provenance.json"
    digest = sha256_file(made)
    first = made.with_name("tokens_384.json")
    write_json(record_file(first), asdict(Record("", "", {}, {made.name: digest}, {})))
    return made


def test_provenance_that_its_job_did_not_write_is_refused_by_name(tmp_path: Path) -> None:
    task = write_study(tmp_path, small_results(questions=("inc_year",), lengths=(384,)))
    made = record_provenance(tmp_path)
    read_sources(tmp_path, task, None, [])
    made.write_text(made.read_text().replace("3600", "7200"))
    with pytest.raises(StudyError, match=re.escape(str(made))):
        read_sources(tmp_path, task, None, [])


def test_provenance_of_what_the_study_has_no_more_counts_for_nothing(tmp_path: Path) -> None:
    task = write_study(tmp_path, small_results(questions=("inc_year",), lengths=(384,)))
    before = read_sources(tmp_path, task, None, []).provenance
    left = tmp_path / "generations/wu24/instruct/inc_year/tokens_384"
    for condition in ("top-3", "top-5"):
        write_json(left / f"{condition}.provenance.json", {"device": "cpu", "seconds": {"run": 60}})
    found = read_sources(tmp_path, task, None, []).provenance
    assert set(found) - set(before) == {"wu24/instruct/inc_year/tokens_384/top-5"}


def bare_result() -> dict[str, Any]:
    base = {f"{company}_1993.txt": True for company in range(12)}
    top = {level: {name: place % 2 == 0 for place, name in enumerate(base)} for level in LEVELS}
    return result(base, top, {level: [base] for level in LEVELS}, samples=False)


def test_the_page_of_truth_is_shown_where_there_is_one(sources: Sources, text: str) -> None:
    shown = page(replace(sources, truth="# Truth\n\n**PASS**: 3 of 3 conditions <b>\n"))
    assert "<strong>PASS</strong>: 3 of 3 conditions &lt;b&gt;" in shown
    assert "<strong>PASS</strong>" not in text and "<code>source: planted</code>" in text
