"""How long a cluster's partition lets a submission run, and whether a study's submissions fit.

The level jobs of a sweep are one submission, which asks for the time of all of them. SLURM takes one that asks for more
than its partition allows, and lets it wait forever.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence

from head_ablation.common.experiment import Experiment
from head_ablation.common.problems import Problem, did_you_mean

ANSWER_SECONDS = 20  # after which SLURM is taken not to answer
DAY, HOUR, MINUTE = 24 * 60, 60, 1


def partition_minutes(partitions: str | None) -> float:
    """The longest time that one of some partitions, or the default one, gives; infinite where SLURM does not say.

    Args:
        partitions: as the profile names them: one, or several with commas; None: the cluster's default.
    """
    said = list(_shown_partitions())
    wanted = partitions.split(",") if partitions else []
    chosen = [one for one in said if (one.get("PartitionName") in wanted if wanted else one.get("Default") == "YES")]
    return max((_minutes(one.get("MaxTime", "")) for one in chosen), default=math.inf)


def partition_problems(partitions: str | None) -> Iterator[Problem]:
    """The partitions that the profile names and the cluster does not have; none where SLURM does not say."""
    known = [one["PartitionName"] for one in _shown_partitions() if "PartitionName" in one]
    for name in partitions.split(",") if partitions and known else ():
        if name not in known:
            fix = f"Name it in profiles/slurm/profile.yaml. {did_you_mean(name, known)}"
            yield Problem(
                "profile", "default-resources.slurm_partition", f"'{name}'", "a partition of this cluster", fix
            )


def _shown_partitions() -> Iterator[dict[str, str]]:
    if shutil.which("scontrol") is None:
        return
    command = ["scontrol", "show", "partition", "--all", "--oneliner"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in done.stdout.splitlines():
        yield dict(re.findall(r"(\w+)=(\S+)", line))


def _minutes(text: str) -> float:
    """Of [days-]hours:minutes:seconds; infinite for UNLIMITED and what else is no time."""
    match = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d+):(\d+)", text)
    if match is None:
        return math.inf
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days * DAY + hours * HOUR + minutes * MINUTE + seconds / 60


def submission_problems(
    submissions: Iterable[Sequence[Experiment]], minutes: Callable[[Experiment], int], limit: float, partition: str
) -> Iterator[Problem]:
    """The submissions that ask for more time than the partition gives.

    Args:
        submissions: the experiments whose sweeps travel together.
        minutes: experiment -> what its sweep asks for.
        limit: of the partition, in minutes.
        partition: its name.
    """
    for together in submissions:
        asked = sum(map(minutes, together))
        if asked > limit:
            more = f" and {len(together) - 1} more sweeps" if len(together) > 1 else ""
            fix = "Send fewer sweeps together (group-components: sweep), use fewer levels or draws, state the models'"
            fix += " runtime if the estimate is too high, or take another partition."
            found = f"{asked} minutes for {together[0]}{more}, one submission"
            yield Problem("profile", f"partition {partition}", found, f"at most {limit:g} minutes, its MaxTime", fix)
