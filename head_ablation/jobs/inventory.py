"""What the store holds, which study refers to it, and what may go.

A study refers to an entry if one of its generation files states the entry's protocol, or if the index of its head
scores names it. What a job made ahead for levels that have not been run yet is referred to by no study: prune when the
studies are through.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from head_ablation.common import lineage
from head_ablation.common.files import read_json
from head_ablation.common.problems import Problem, StudyError, refuse
from head_ablation.jobs.protocol import protocol_digest
from head_ablation.jobs.store import Store, read_entry

STATED = ("protocol_version", "model", "prompts_sha256", "heads", "settings", "software")  # of a generation file
NOT_ALWAYS = ("software",)  # earlier versions did not state it, and `software: any` does not
GENERATIONS, SCORES, DAMAGED, TEMPORARY = "generations", "scores", "damaged", "temporary"
TEMPORARY_NAME = re.compile(r"\.([^.]+)\.json\.[^.]+")  # as files.whole_file makes them; other dot files are not ours
UNKNOWN = "Nothing is removed while it is not known what it refers to. Remove it, or run its study again."


class State(NamedTuple):
    """What tells a file from another one that took its place."""

    size: int
    changed: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> State:
        """As the file is now; FileNotFoundError if it is not there."""
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


@dataclass(frozen=True)
class Item:
    """A file of the store.

    Attributes:
        path: where it is.
        kind: generations, scores, damaged (the digest does not fit) or temporary (left over by a killed job).
        state: taken before it was read.
        protocol, provenance: of a whole entry.
        studies: who refers to it.
    """

    path: Path
    kind: str
    state: State
    protocol: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    studies: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Under which it stands, and is claimed."""
        return self.path.name.lstrip(".").partition(".")[0]


@dataclass(frozen=True)
class References:
    """What the studies refer to.

    Attributes:
        studies: their names.
        users: digest of a protocol -> the studies with a file of it.
        unread: files and folders of studies of which it is not known what they refer to.
    """

    studies: list[str] = field(default_factory=list)
    users: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unread: list[Problem] = field(default_factory=list)

    def of(self, item: Item) -> tuple[str, ...]:
        """The studies that refer to a file of the store; none to one that is not whole."""
        return tuple(sorted(self.users.get(item.digest, ()))) if item.kind in (GENERATIONS, SCORES) else ()

    def read(self, folder: Path) -> None:
        """Adds those of a folder, if it is a study's."""
        if _leads_nowhere(folder):
            self.unread.append(Problem(folder, "link", "nothing behind it", "a study's folder"))
        stages = {name: digests for name, digests in STAGES.items() if os.path.lexists(folder / name)}
        if stages:
            self.studies.append(folder.name)
        for name, digests in stages.items():
            for path in self._files(folder / name):
                self._read_file(folder.name, path, digests)

    def _files(self, folder: Path) -> Iterator[Path]:
        # Linked folders too; one that is not there, or cannot be listed, is not taken for an empty one.
        for parent, folders, names in os.walk(folder, onerror=self._unlisted, followlinks=True):
            folders[:] = [name for name in folders if name != lineage.FOLDER]
            paths = (Path(parent, name) for name in names if not name.endswith(".provenance.json"))
            yield from (path for path in paths if path.suffix == ".json" or _leads_nowhere(path))

    def _unlisted(self, error: OSError) -> None:
        self.unread.append(Problem(error.filename, "folder", error.strerror, "a folder that can be listed"))

    def _read_file(self, study: str, path: Path, digests: Callable[[Any], list[str]]) -> None:
        try:
            for digest in digests(read_json(path)):
                self.users[digest].add(study)
        except StudyError as error:
            self.unread.extend(error.problems)
        except OSError as error:
            self.unread.append(Problem(path, "file", error.strerror, "a file that can be read"))
        except (AttributeError, KeyError, TypeError, ValueError):
            self.unread.append(Problem(path, "content", "something else", "what the workflow writes there"))


def _leads_nowhere(path: Path) -> bool:
    return path.is_symlink() and not path.exists()


def _stated(content: Any) -> list[str]:
    """The digest of the protocol that a generation file states."""
    return [protocol_digest({key: content[key] for key in STATED if key in content or key not in NOT_ALWAYS})]


def _named(content: Any) -> list[str]:
    """The digests that the index of head scores names."""
    return list(map(str, content["entries"]))


STAGES: Mapping[str, Callable[[Any], list[str]]] = {"generations": _stated, "scores": _named}


@dataclass(frozen=True)
class Inventory:
    """The files of a store, and the studies that may refer to them.

    Attributes:
        store: the store.
        references: what the studies refer to.
        items: every entry, damaged ones included, then left-over temporary files.
    """

    store: Store
    references: References
    items: list[Item]

    def summary(self) -> str:
        """One row per study; a shared entry counts for each that refers to it, and once in the total."""
        groups = {name: [item for item in self.items if name in item.studies] for name in self.references.studies}
        groups["no study"] = [item for item in self.items if item.kind in (GENERATIONS, SCORES) and not item.studies]
        groups["damaged entries"] = [item for item in self.items if item.kind == DAMAGED]
        left_over = [item for item in self.items if item.kind == TEMPORARY]
        groups |= {"temporary files": left_over} if left_over else {}
        rows = [_summary_row(name, items) for name, items in [*groups.items(), ("total", self.items)]]
        return _aligned([("study", "files", "generations", "scores", "MB"), *rows], "<>>>>")

    def listing(self) -> str:
        """One line per entry."""
        heading = ("digest", "kind", "model", "heads", "prompts", "kB", "made", "host", "device", "studies")
        rows = [_entry_row(item) for item in self.items if item.kind != TEMPORARY]
        return _aligned([heading, *rows], "<<<><><<<<")


def take_inventory(store: Store, results: Path) -> Inventory:
    """Reads every file of the store and of the studies once, and changes nothing.

    Args:
        store: the store.
        results: the folder of all studies.

    Raises:
        StudyError: there is no such folder.
    """
    if not results.is_dir():
        refuse([Problem(results, "folder", "nothing", "the folder of all studies")])
    # Entries first: a job keeps its result before it writes the study's file, which must not be missed then.
    items, references = [*_entries(store), *_temporary_files(store)], References()
    for folder in sorted(results.iterdir()):
        references.read(folder)
    return Inventory(store, references, [replace(item, studies=references.of(item)) for item in items])


def _entries(store: Store) -> Iterator[Item]:
    for path in store.entry_files():
        with suppress(FileNotFoundError):  # removed meanwhile
            yield _entry(path)


def _entry(path: Path) -> Item:
    state = State.of(path)
    try:
        entry = read_entry(path)
    except (StudyError, ValueError):  # ValueError: what no JSON of ours can hold, such as NaN
        return Item(path, DAMAGED, state)
    kind = GENERATIONS if "heads" in entry.protocol else SCORES
    return Item(path, kind, state, entry.protocol, entry.provenance)


def _temporary_files(store: Store) -> Iterator[Item]:
    for path in sorted(store.folder.glob("entries/*/.*")):
        if TEMPORARY_NAME.fullmatch(path.name):
            with suppress(FileNotFoundError):  # it was being written, and has its own name now
                yield Item(path, TEMPORARY, State.of(path))


@dataclass(frozen=True)
class Pruned:
    """What was done.

    Attributes:
        removed: items that no study needs.
        kept: such items that are claimed, or were written anew since they were read.
        locks: how many lock files were removed.
    """

    removed: list[Item]
    kept: list[Item]
    locks: int

    def __str__(self) -> str:
        said = [f"{kind} {count}" for kind, count in sorted(Counter(item.kind for item in self.removed).items())]
        said += [f"locks {self.locks}"] if self.locks else []
        text = f"Removed {sum(item.state.size for item in self.removed):,} bytes: {', '.join(said) or 'nothing'}."
        return f"{text} Kept {len(self.kept)} that a job is at." if self.kept else text


def prune(inventory: Inventory) -> Pruned:
    """Removes what no study refers to, damaged entries, left-over temporary files, and locks that nobody holds.

    Raises:
        StudyError: a study's file cannot be read, or no study refers to anything; nothing is removed then.
    """
    refuse(replace(problem, fix=UNKNOWN) for problem in inventory.references.unread)
    if not inventory.references.users:
        raise StudyError("no study refers to anything, so all would go; if that is meant, remove the store's folder")
    locks = inventory.store.folder / "locks"
    needless = [item for item in inventory.items if not item.studies]
    gone = {item.path for item in needless if _remove(item, locks)}
    removed, kept = [i for i in needless if i.path in gone], [i for i in needless if i.path not in gone]
    return Pruned(removed, kept, sum(_remove_lock(path) for path in sorted(locks.glob("*.lock"))))


def _remove(item: Item, locks: Path) -> bool:
    """Only with its claim held (a damaged entry has no protocol for Store.claim), and as it was when it was read."""
    with suppress(Timeout, FileNotFoundError), FileLock(locks / f"{item.digest}.lock", blocking=False):
        if State.of(item.path) == item.state:
            item.path.unlink()
            return True
    return False


def _remove_lock(path: Path) -> bool:
    """Only while it is held here: whoever waits for it then finds that it is gone, and makes a new one."""
    with suppress(Timeout), FileLock(path, blocking=False):
        path.unlink()
        return True
    return False


def store_report(store: Store, results: Path, listing: bool, pruning: bool) -> Iterator[str]:
    """Says what the store holds, and what was removed from it.

    Args:
        store: the store.
        results: the folder of all studies.
        listing: name every entry.
        pruning: remove what no study needs; else nothing is changed.

    Raises:
        StudyError: there is no folder of studies, or it cannot be told what may be removed.
    """
    if not store.folder.is_dir():
        yield f"There is no store at {store.folder}."
        return
    inventory = take_inventory(store, results)
    if listing:
        yield inventory.listing() + "\n"
    yield inventory.summary()
    if pruning:
        yield str(prune(inventory))
    elif inventory.references.unread:
        unread = "\n".join(f"- {problem}" for problem in inventory.references.unread)
        yield f"It is not known what these refer to:\n{unread}"


def _summary_row(name: str, items: Sequence[Item]) -> tuple[str, ...]:
    kinds = Counter(item.kind for item in items)
    megabytes = sum(item.state.size for item in items) / 1e6
    return name, f"{len(items):,}", f"{kinds[GENERATIONS]:,}", f"{kinds[SCORES]:,}", f"{megabytes:,.1f}"


def _entry_row(item: Item) -> tuple[str, ...]:
    heads = len(item.protocol["heads"]) if "heads" in item.protocol else "-"
    model = (item.protocol.get("model") or {}).get("name", "-")
    what = (item.digest[:12], item.kind, model, heads, _asked(item.protocol)[:8])
    made = [item.provenance.get(key, "-") for key in ("finished", "host", "device")]
    return tuple(map(str, (*what, f"{item.state.size / 1e3:,.1f}", *made, ", ".join(item.studies) or "-")))


def _asked(protocol: Mapping[str, Any]) -> str:
    return protocol.get("prompts_sha256") or protocol.get("settings", {}).get("prompts_sha256") or "-"


def _aligned(rows: Sequence[tuple[str, ...]], sides: str) -> str:
    """Rows as text; `sides` says of each column whether it stands to the left (<) or right (>)."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    layout = "  ".join(f"{{:{side}{width}}}" for side, width in zip(sides, widths, strict=True))
    return "\n".join(layout.format(*row).rstrip() for row in rows)
