"""The samples that a study's files decide, before any job runs; of many filings, remembered by the files' content.

To look for the answers in thousands of long filings takes most of a minute, and every start of Snakemake needs what
comes of it: how many samples there are, and the digest of each samples file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from head_ablation.common.digests import Digests
from head_ablation.common.files import canonical_json, jsonl_text, read_json, sha256_file, sha256_text, write_json
from head_ablation.common.problems import StudyError
from head_ablation.prompts.samples import Sample, load_split_filings, split_samples
from head_ablation.study.code import LIBRARY, code_digest
from head_ablation.study.settings import filings_files, filings_settings
from head_ablation.study.study import Study

MANY_BYTES = 1_000_000  # of filings; fewer are read as fast as anything is remembered
DECIDING = LIBRARY / "prompts" / "samples.py"  # the code that makes samples, with all that it imports

Texts = Mapping[str, Mapping[str, str]]
_built: dict[str, Texts] = {}
"""The content of the samples files of the study at hand, by the digest of what decides it; one at a time."""


@dataclass(frozen=True)
class SampleFacts:
    """What is known of a samples file without reading it.

    Attributes:
        sha256: of its content.
        count: samples in it.
        shortest_words: of the shortest passage; 0 without samples.
    """

    sha256: str
    count: int
    shortest_words: int


Facts = Mapping[str, Mapping[str, SampleFacts]]


def sample_facts(study: Study) -> Facts:
    """question -> split -> what is known of its samples.

    Raises:
        StudyError: with everything that is wrong with the filings.
    """
    memory = Path(study.paths.results, "store", "planned", f"{_key(study)}.json")
    known = _recalled(memory)
    if known is None:
        samples = _samples(study)
        texts = _texts(study, samples)
        known = {
            question: {split: _facts(samples[question][split], text) for split, text in of_split.items()}
            for question, of_split in texts.items()
        }
        _remember(study, memory, known)
    return known


def sample_text(study: Study, facts: Facts, question: str, split: str) -> str:
    """What a samples file should hold: as it stands there, if it holds just that."""
    file = Path(study.folder, "samples", f"{question}.{split}.jsonl")
    if file.is_file() and sha256_file(file) == facts[question][split].sha256:
        return file.read_bytes().decode("utf-8")
    return (_built.get(_key(study)) or _texts(study, _samples(study)))[question][split]


def _key(study: Study) -> str:
    """The digest of all that decides the samples: files, settings, code."""
    digests = Digests(Path(study.paths.results, "store", "digests"))
    files = [path and digests.of(path) for path in vars(filings_files(study)).values()]
    return sha256_text(canonical_json([files, asdict(filings_settings(study)), code_digest(DECIDING)]))


def _samples(study: Study) -> dict[str, dict[str, list[Sample]]]:
    filings, companies = load_split_filings(filings_files(study), filings_settings(study))
    return {
        key: split_samples(filings, companies, asked["column"], asked["matcher"])
        for key, asked in study.questions.items()
    }


def _texts(study: Study, samples: Mapping[str, Mapping[str, list[Sample]]]) -> Texts:
    texts = {
        question: {split: jsonl_text(sample.to_json() for sample in some) for split, some in of_split.items()}
        for question, of_split in samples.items()
    }
    _built.clear()
    _built[_key(study)] = texts
    return texts


def _facts(samples: list[Sample], text: str) -> SampleFacts:
    words = min((len(sample.passage.split()) for sample in samples), default=0)
    return SampleFacts(sha256_text(text), len(samples), words)


def _recalled(memory: Path) -> Facts | None:
    if not memory.is_file():
        return None
    try:
        return {
            question: {split: SampleFacts(**facts) for split, facts in of_split.items()}
            for question, of_split in read_json(memory).items()
        }
    except (StudyError, TypeError, AttributeError):  # cut or edited
        return None


def _remember(study: Study, memory: Path, known: Facts) -> None:
    size = sum(Path(path).stat().st_size for path in vars(filings_files(study)).values() if path)
    if size < MANY_BYTES:
        return
    content = {
        question: {split: asdict(facts) for split, facts in of_split.items()} for question, of_split in known.items()
    }
    try:
        write_json(memory, content)
    except OSError:  # a folder of results that may only be read, or a full disk: then it is found out again
        return
