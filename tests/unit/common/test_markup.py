"""Text of a user in a page is text: an HTML parser finds no tag in it, and a Markdown table keeps its cells."""

import json
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
from results_factory import answers, result

from head_ablation.common.files import canonical_json
from head_ablation.common.markup import plain
from head_ablation.common.settings import from_text, to_text
from head_ablation.results.audit import audit_markdown
from head_ablation.results.claims import Claims
from head_ablation.results.key_results import key_results_markdown, key_results_table
from head_ablation.results.rows import levels_table, samples_table

SCRIPT = "</script><script>alert(1)</script>"
HOSTILE = [SCRIPT, "<img src=x onerror=alert(1)>", "<!-- ", "a\n\n<svg/onload=x>\n# b", "&lt;b&gt;"]


class Tags(HTMLParser):
    """The tags and comments that a browser would see."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.text = [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, _attributes):
        self.seen.append(tag)

    def handle_comment(self, _text):
        self.seen.append("comment")

    def handle_data(self, data):
        self.text += data


@dataclass(frozen=True)
class Labelled:
    label: str


@pytest.mark.parametrize("text", HOSTILE)
def test_a_parser_finds_no_tag_in_escaped_text_and_reads_it_as_it_is(text):
    page = Tags(plain(text))
    assert page.seen == []
    assert page.text == " ".join(text.split())


def test_the_parser_sees_tags():
    assert Tags(SCRIPT).seen == ["script"]  # negative control


def test_links_cells_and_control_characters_are_text():
    assert plain("[a](javascript:b)") == r"[a\](javascript:b)"
    assert plain("[a]: b") == r"[a\]: b"
    assert plain("a | b\x00\x1b[1m") == "a \\| b\ufffd\ufffd[1m"
    assert plain("AT&T < 5 & L0H1, [0.1, 2]") == "AT&T &lt; 5 & L0H1, [0.1, 2]"


def script_page(settings):
    """A page as Snakemake's report makes it of a rule's parameters."""
    return f"<script>var results = {json.dumps({'params': settings})};</script>"


@pytest.mark.parametrize("label", HOSTILE)
def test_settings_stay_in_the_script_that_the_report_puts_them_in(label):
    settings = to_text(Labelled(label))
    assert Tags(script_page(settings)).seen == ["script"]
    assert "<!--" not in settings
    assert from_text(Labelled, settings) == Labelled(label)


def test_settings_with_a_tag_would_leave_it():
    page = script_page(canonical_json({"label": SCRIPT}))
    assert Tags(page).seen == ["script", "script"]  # negative control


def test_no_text_of_given_results_becomes_a_tag_in_a_page():
    given = result(answers("1110"), {5: answers("0110")}, method=SCRIPT, model=SCRIPT, question="<b>", samples=False)
    levels, samples = levels_table([given]), samples_table([given])
    pages = [
        audit_markdown([given], Claims(SCRIPT, ()), {}, {}, 50, {}),
        key_results_markdown(key_results_table(levels, samples), unranked={SCRIPT: SCRIPT}),
    ]
    for page in pages:
        assert "alert" in page
        assert Tags(page).seen == []
