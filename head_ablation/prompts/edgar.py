"""The filings of a study from EDGAR-CORPUS (Loukas et al. 2021, arXiv 2109.14394), streamed; what was found is kept.

The cache is a JSONL file of one corpus, which its first line names. Every further line is a filing, or says that the
corpus was read to its end and lacks one. It may be deleted at any time; its filings are then fetched again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock
from tqdm import tqdm

from head_ablation.common.files import canonical_json, is_folder, read_jsonl, write_jsonl
from head_ablation.common.problems import DISK_ERRORS, Problem, StudyError, refuse
from head_ablation.common.progress import Lines
from head_ablation.prompts.filings import FILING_FIELDS

REFUSE = "refuse"
LOG_SECONDS = 60
BAR = "{desc}: {n_fmt} rows read, {rate_noinv_fmt}{postfix}"
EXPECTED = "EDGAR-CORPUS as parquet or JSONL files: a dataset of the hub, or a folder here"
HUB_FIX = (
    "Check the name, the revision (refs/convert/parquet holds parquet files) and the network; without a network,"
    " fetch the files elsewhere (hf download --repo-type dataset) and name their folder as source."
)
FOLDER_FIX = "Its files lie as on the hub: year_1993/train/0000.parquet, or year_1993/train.jsonl."


@dataclass(frozen=True)
class Corpus:
    """Where filings come from.

    Attributes:
        source: a dataset of the hub, or a local folder laid out alike.
        revision: commit, tag or branch on the hub; a folder has none.
        data_dir: the folder within the source that is read (`year_1993`, say); None reads all of it.
    """

    source: str
    revision: str | None
    data_dir: str | None


@dataclass(frozen=True)
class CorpusRequest:
    """What decides the filings that a study fetches.

    Attributes:
        corpus: where they are looked for.
        absent: what becomes of filings that it lacks: `refuse` or `leave_out`.
        ground_truth_sha256: of the table that names them.
    """

    corpus: Corpus
    absent: str
    ground_truth_sha256: str

    def to_json(self) -> dict[str, Any]:
        """The content of the index beside the fetched filings."""
        return asdict(self)


def fetch_filings(
    corpus: Corpus, wanted: Sequence[str], cache: Path, report: Callable[[str], None]
) -> dict[str, dict[str, str]]:
    """The wanted filings that the corpus has, as it has them; those with an empty Section 1 are among them.

    Args:
        corpus: is streamed only for filings that the cache does not know, and only until the last of them is found.
        wanted: filenames.
        cache: JSONL file that each filing is added to once it is found, so that a killed run goes on from there.
        report: is told, in a line each, what is looked for and what was found.

    Returns:
        filename -> filing (FILING_FIELDS, as strings), in the order of `wanted`. Of filings that share a filename,
        the first with a Section 1.

    Raises:
        StudyError: the corpus cannot be read or lacks a column, or the cache is of another corpus.
    """
    cache.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(cache.with_name(f".{cache.name}.lock")):  # two studies may ask at once
        known = _read_cache(corpus, cache)
        unknown = [name for name in dict.fromkeys(wanted) if name not in known]
        if unknown:
            report(f"{corpus.source}: looking for {len(unknown)} filings of {len(set(wanted))}; the others are cached")
            for entry in _search(corpus, unknown):
                _append(cache, entry)
                known[entry["filename"]] = entry
    found = {name: known[name] for name in wanted if "absent" not in known[name]}
    report(f"{corpus.source}: {len(found)} filings of {len(set(wanted))} are there")
    return found


def write_filings(
    corpus: Corpus, found: Mapping[str, Mapping[str, str]], wanted: Sequence[str], absent: str, path: Path
) -> list[str]:
    """Writes the wanted filings that have a Section 1, in the order of `wanted`.

    Args:
        corpus: where they were looked for.
        found: filename -> filing, of `fetch_filings`.
        wanted: filenames.
        absent: `refuse` filings without a Section 1, or `leave_out`.
        path: JSONL file, which `filings.read_filing_texts` reads.

    Returns:
        What was left out and why, a line each.

    Raises:
        StudyError: filings are missing and `absent` is `refuse`; names all of them, and nothing is written.
    """
    missing = {name: lack for name in wanted if (lack := _lack(name, found))}
    if absent == REFUSE:
        expected = "a Section 1 for every filing of the ground truth"
        fix = "Or set filings.absent: leave_out."
        refuse(Problem(corpus.source, "filename", lack, expected, fix) for lack in missing.values())
    write_jsonl(path, [found[name] for name in wanted if name not in missing])
    return list(missing.values())


def _lack(name: str, found: Mapping[str, Mapping[str, str]]) -> str | None:
    if name not in found:
        return f"no '{name}'"
    return None if found[name]["section_1"].strip() else f"an empty section_1 in '{name}'"


def _read_cache(corpus: Corpus, cache: Path) -> dict[str, dict[str, Any]]:
    """filename -> what the cache says about it; a new cache gets its first line."""
    _drop_half_line(cache)
    first = {"corpus": asdict(corpus)}
    rows = read_jsonl(cache) if cache.exists() else []
    if not rows:
        _append(cache, first)
    elif rows[0] != first:
        expected = f"{canonical_json(first)} in its first line"
        found = canonical_json(rows[0])[:200]
        raise StudyError([Problem(cache, "corpus", found, expected, "Name another cache file, or delete this one.")])
    return {row["filename"]: row for row in rows[1:]}


def _drop_half_line(cache: Path) -> None:
    """Takes off what a killed run had written of a line."""
    content = cache.read_bytes() if cache.exists() else b""
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(cache, whole)


def _append(cache: Path, entry: Mapping[str, Any]) -> None:
    with cache.open("a", encoding="utf-8") as file:  # closed at once: a kill costs the line in hand and no other
        file.write(canonical_json(entry) + "\n")


def _search(corpus: Corpus, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yields each named filing when it is found and, at the corpus's end, says which are blank and which absent."""
    left = dict.fromkeys(names)
    blank: dict[str, dict[str, Any]] = {}
    with _bar(corpus.source) as bar:
        for row in _rows(corpus):
            bar.update()
            if row["filename"] not in left:
                continue
            filing = {field: str(row[field] or "") for field in FILING_FIELDS}
            if not filing["section_1"].strip():  # a later one of the same name may have a text
                blank.setdefault(filing["filename"], filing)
                continue
            yield filing
            del left[filing["filename"]]
            bar.set_postfix_str(f"{len(names) - len(left)} of {len(names)} filings found", refresh=False)
            if not left:
                return
    yield from (blank.get(name, {"filename": name, "absent": True}) for name in left)


def _bar(source: str) -> Any:
    """Progress over rows: a bar on a terminal, few lines in a log."""
    if sys.stderr.isatty():
        return tqdm(desc=source, unit=" rows", bar_format=BAR)
    return Lines(desc=source, unit=" rows", bar_format=BAR, mininterval=LOG_SECONDS)


def _rows(corpus: Corpus) -> Iterator[Mapping[str, Any]]:
    """Streams the rows of all splits in turn."""
    with _reading(corpus, "source"):
        splits = _open(corpus)
    for split, rows in splits.items():
        with _reading(corpus, f"split {split}"):
            yield from rows


def _open(corpus: Corpus) -> dict[str, Any]:
    """The splits, unread, with the columns of a filing."""
    from datasets import load_dataset_builder

    here = is_folder(corpus.source)
    path = str(Path(corpus.source).expanduser().resolve()) if here else corpus.source
    revision = None if here else corpus.revision
    # Without a cache of its own, `datasets` takes for an unreachable corpus what it once loaded under that name,
    # another year perhaps, and the filings of this one would be noted as absent.
    with TemporaryDirectory() as empty:
        builder = load_dataset_builder(path, data_dir=corpus.data_dir, revision=revision, cache_dir=empty)
    splits = builder.as_streaming_dataset()
    _check_columns(corpus, splits)
    if hasattr(builder.config, "columns"):  # parquet: select_columns alone fetches all sections and drops them here
        builder.config.columns = list(FILING_FIELDS)
        splits = builder.as_streaming_dataset()
    return {split: rows.select_columns(list(FILING_FIELDS)) for split, rows in splits.items()}


def _check_columns(corpus: Corpus, splits: Mapping[str, Any]) -> None:
    columns = next(iter(splits.values())).column_names or FILING_FIELDS  # None: not known before they are read
    there = f"no such column; there are {', '.join(columns)}"
    missing = [field for field in FILING_FIELDS if field not in columns]
    refuse(Problem(corpus.source, field, there, "this column in the corpus") for field in missing)


@contextmanager
def _reading(corpus: Corpus, what: str) -> Iterator[None]:
    """Turns what goes wrong in the libraries that read the corpus into words for the researcher."""
    try:
        yield
    except StudyError:
        raise
    except Exception as error:  # datasets passes on those of pyarrow, fsspec, the hub's and the network's libraries
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        fix = FOLDER_FIX if is_folder(corpus.source) else HUB_FIX
        where = "/".join(filter(None, [corpus.source, corpus.data_dir]))
        raise StudyError([Problem(where, what, found, EXPECTED, fix)]) from error
