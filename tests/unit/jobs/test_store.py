"""The store: equal work has one key, damaged entries are not used, and one result is computed by one job at a time."""

import json
import shutil
import time
from dataclasses import replace

import pytest
from tiny_jobs import PROMPTS, claimed_elsewhere, start_python
from typed import level_settings, score_settings

from head_ablation import PROTOCOL_VERSION
from head_ablation.common.files import read_json, write_json
from head_ablation.detectors import DETECTORS
from head_ablation.engine.interventions import INTERVENTIONS
from head_ablation.heads.head import HeadSet, ModelShape
from head_ablation.jobs.protocol import generation_protocol, protocol_digest, score_protocol
from head_ablation.jobs.store import Entry, Store
from head_ablation.models.pointer import Pointer
from head_ablation.prompts.prompt import prompts_digest

POINTER = Pointer("org/model", "abc123", "/models/one", "f1", ModelShape(layers=2, heads=4, positions=512))
CONTENT = [{"token_ids": [1, 2], "text": "é\u2028"}, {"token_ids": [3], "text": ""}]


def protocol(pointer=POINTER, prompts=PROMPTS, heads=("L0H1", "L1H2"), **settings):
    return generation_protocol(pointer, prompts_digest(prompts), HeadSet.parse(heads), level_settings(**settings))


def entry(**changes):
    return Entry(protocol(**changes), CONTENT, {"host": "here", "seconds": {"run": 1.25}})


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_result_comes_back_as_it_was_kept(store):
    assert store.find(protocol()) is None
    assert store.add(entry()) == entry()
    assert Store(store.folder).find(protocol()) == entry()
    assert store.find(protocol(heads=["L0H1"])) is None
    assert store.entry_files() == [store.entry_file(protocol())]


SAME = {
    "name": {"pointer": replace(POINTER, name="elsewhere/model")},
    "revision": {"pointer": replace(POINTER, revision=None)},
    "folder": {"pointer": replace(POINTER, folder="/models/two")},
    "device": {"device": "cuda:1"},
    "order of heads": {"heads": ["L1H2", "L0H1"]},
}
OTHER = {
    "fingerprint": {"pointer": replace(POINTER, fingerprint="f2")},
    "filenames": {"prompts": [replace(prompt, filename=f"renamed {prompt.filename}") for prompt in PROMPTS]},
    "a token": {"prompts": [replace(PROMPTS[0], token_ids=[*PROMPTS[0].token_ids[:-1], 99]), *PROMPTS[1:]]},
    "order of prompts": {"prompts": PROMPTS[::-1]},
    "one prompt less": {"prompts": PROMPTS[:-1]},
    "a head more": {"heads": ["L0H1", "L1H2", "L1H3"]},
    "another head": {"heads": ["L0H1", "L1H3"]},
    "no heads": {"heads": []},
    "positions": {"positions": "decode"},
    "batch size": {"batch_size": 3},
    "dtype": {"dtype": "bfloat16"},
    "attention": {"attention": "eager"},
    "answer length": {"max_new_tokens": 4},
    "stop": {"stop": ()},
    "exact software": {"software": "exact"},
    "any software": {"software": "any"},
}


@pytest.mark.parametrize("change", SAME)
def test_what_decides_no_answer_is_no_part_of_the_key(change):
    assert protocol_digest(protocol(**SAME[change])) == protocol_digest(protocol())


@pytest.mark.parametrize("change", OTHER)
def test_what_decides_an_answer_changes_the_key(change):
    assert protocol_digest(protocol(**OTHER[change])) != protocol_digest(protocol())


def test_another_protocol_version_changes_the_key(monkeypatch):
    before = protocol_digest(protocol())
    monkeypatch.setattr("head_ablation.jobs.protocol.PROTOCOL_VERSION", PROTOCOL_VERSION + 1)
    assert protocol_digest(protocol()) != before


def test_another_version_of_the_intervention_changes_the_key(monkeypatch):
    before = protocol_digest(protocol())
    changed = replace(INTERVENTIONS["zero_output"], version=INTERVENTIONS["zero_output"].version + 1)
    monkeypatch.setitem(INTERVENTIONS._entries, "zero_output", changed)
    assert protocol_digest(protocol()) != before


def test_each_decision_has_a_key_of_its_own():
    assert len({protocol_digest(protocol(**change)) for change in OTHER.values()}) == len(OTHER)


def test_a_scores_key_also_has_gold_answers_and_spans(monkeypatch):
    def digest(**change):
        settings = score_settings()
        return protocol_digest(score_protocol(POINTER, settings.detectors[0], replace(PROMPTS[0], **change), settings))

    keys = {digest(), digest(gold="1930"), digest(passage_span=(0, 3)), digest(answer_span=(2, 3))}
    assert len(keys) == 4
    changed = replace(DETECTORS["copy_score"], version=DETECTORS["copy_score"].version + 1)
    monkeypatch.setitem(DETECTORS._entries, "copy_score", changed)
    assert digest() not in keys


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def empty(path):
    path.write_bytes(b"")


def change_an_answer(path):
    row = read_json(path)
    row["content"][0]["text"] = "1999"
    write_json(path, row)


def change_the_heads(path):
    row = read_json(path)
    row["protocol"]["heads"] = ["L0H0"]
    write_json(path, row)


def change_the_provenance(path):
    row = read_json(path)
    row["provenance"]["host"] = "there"
    write_json(path, row)


def take_the_entry_of_other_heads(path):
    other = Store(path.parents[2]).entry_file(protocol(heads=["L0H0"]))
    Store(path.parents[2]).add(entry(heads=["L0H0"]))
    shutil.copy(other, path)


def write_instead(content):
    return lambda path: path.write_text(content, encoding="utf-8")


def replace_field(field, value):
    return lambda path: path.write_text(json.dumps({**read_json(path), field: value}), encoding="utf-8")


DAMAGE = {
    "truncated": truncate,
    "empty": empty,
    "another answer": change_an_answer,
    "other heads": change_the_heads,
    "another provenance": change_the_provenance,
    "the entry of other heads": take_the_entry_of_other_heads,
    "a list": write_instead("[]"),
    "a number": write_instead("3"),
    "null": write_instead("null"),
    "another encoding": lambda path: path.write_bytes(b"\xff\xfe{}"),
    "no fields": write_instead("{}"),
    "protocol a list": replace_field("protocol", []),
    "protocol without a model": replace_field("protocol", {}),
    "protocol's model a text": replace_field("protocol", {"model": "tiny"}),
    "content not a number": replace_field("content", float("nan")),
    "content half a character": replace_field("content", "\ud800"),
    "digest a number": replace_field("sha256", 3),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_not_used_and_said_until_it_is_made_again(store, capsys, damage):
    store.add(entry())
    path = store.entry_file(protocol())
    DAMAGE[damage](path)
    assert store.find(protocol()) is None
    said = capsys.readouterr().err
    assert str(path) in said
    assert "It is not used but made again." in said
    store.add(entry())
    assert store.find(protocol()) == entry()
    assert capsys.readouterr().err == ""


def test_an_entry_written_otherwise_but_of_equal_content_is_used(store, capsys):
    store.add(entry())
    path = store.entry_file(protocol())
    path.write_text(json.dumps(read_json(path)), encoding="utf-8")  # negative control: not every change is damage
    assert store.find(protocol()) == entry()
    assert capsys.readouterr().err == ""


def test_an_entry_under_another_digest_is_not_found_there(store, capsys):
    store.add(entry())
    wrong = store.entry_file(protocol(heads=["L0H0"]))
    wrong.parent.mkdir(exist_ok=True)
    shutil.copy(store.entry_file(protocol()), wrong)
    assert store.find(protocol(heads=["L0H0"])) is None
    assert str(wrong) in capsys.readouterr().err
    assert store.find(protocol()) == entry()


def test_a_result_is_claimed_once_across_processes(store):
    with claimed_elsewhere(store, protocol()) as (_, theirs), store.claim(protocol()) as mine:
        assert theirs
        assert not mine
        with store.claim(protocol(heads=["L0H0"])) as other:  # negative control: only this result is theirs
            assert other
    with store.claim(protocol()) as mine, claimed_elsewhere(store, protocol()) as (_, theirs):
        assert mine
        assert not theirs


def test_a_block_that_fails_frees_its_claim(store):
    with pytest.raises(ZeroDivisionError), store.claim(protocol()):
        raise ZeroDivisionError
    with claimed_elsewhere(store, protocol()) as (_, theirs):
        assert theirs


def test_a_killed_holder_frees_its_claim(store):
    with claimed_elsewhere(store, protocol()) as (holder, theirs):
        assert theirs
        holder.kill()
        assert holder.wait() == -9
        with store.claim(protocol()) as mine:
            assert mine


WAITER = """
import json, sys
from pathlib import Path
from head_ablation.jobs.store import Store
print("waiting", flush=True)
Store(Path(sys.argv[1])).wait(json.loads(sys.argv[2]))
"""


def waiting_elsewhere(store):
    return start_python("-c", WAITER, str(store.folder), json.dumps(protocol()))


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["says so", "is killed"])
def test_waiting_ends_when_the_holder_does(store, ending):
    with claimed_elsewhere(store, protocol()) as (holder, theirs), waiting_elsewhere(store) as waiter:
        assert theirs
        assert waiter.stdout.readline() == "waiting\n"
        time.sleep(0.5)
        assert waiter.poll() is None  # negative control: it does wait
        if ending == "says so":
            print(file=holder.stdin, flush=True)
        else:
            holder.kill()
        assert waiter.wait(timeout=5) == 0
    store.wait(protocol())  # nobody holds it
