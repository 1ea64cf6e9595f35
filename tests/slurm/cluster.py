"""A real SLURM on this machine: one node with four CPUs and two cards that are plain files, with accounting.

It takes the system's configuration (/etc/slurm), because jobs and SLURM's own commands look nowhere else. So it
refuses a machine that has one already.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "sbatch", "sacct")
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
ETC = Path("/etc/slurm")
KEY = Path("/etc/munge/munge.key")
MARK = "# written by this project's tests\n"

SLURM = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation={state}/controller
SlurmdSpoolDir={state}/node
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
AccountingStorageTRES=gres/gpu
AccountingStoreFlags=job_comment
ReturnToService=2
KillWait=2
MpiDefault=none
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=16000 Gres=gpu:fake:2 State=UNKNOWN
PartitionName=gpu Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""
ACCOUNTING = """\
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=13306
StorageUser=slurm
StoragePass=test
StorageLoc=accounting
LogFile={state}/slurmdbd.log
PidFile={state}/slurmdbd.pid
"""
CARDS = "NodeName=localhost Name=gpu Type=fake File={state}/card[1-2]\n"
DATABASE = (
    "create user 'slurm'@'127.0.0.1' identified by 'test'; create database accounting;"
    " grant all on accounting.* to 'slurm'@'127.0.0.1'"
)


def why_not() -> str:
    """Why SLURM cannot be started here; nothing if it can."""
    missing = [program for program in PROGRAMS if not shutil.which(program, path=PATH)]
    if missing:
        return f"not installed: {', '.join(missing)} (.ci/run names the Debian packages)"
    if os.geteuid() != 0:
        return "SLURM's daemons want root"
    config = ETC / "slurm.conf"
    if config.is_file() and not config.read_text().startswith(MARK):
        return f"{config} is that of another SLURM"
    return ""


@dataclass
class Cluster:
    """The running SLURM; `state` holds its logs, spool and database."""

    state: Path

    def say(self, *command: str) -> str:
        """What one of SLURM's commands prints."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=_environment())
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def submissions(self, folder: Path) -> list[dict[str, str]]:
        """What accounting knows of the jobs submitted from a folder, in order, as sacct's columns."""
        columns = ("JobID", "WorkDir", "Comment", "State", "Start", "End", "Timelimit", "ReqTRES")
        lines = self.say("sacct", "-nXP", "--duplicates", "--delimiter=|", f"--format={','.join(columns)}").splitlines()
        rows = [dict(zip(columns, line.split("|"), strict=True)) for line in lines]
        return [row for row in rows if Path(row["WorkDir"]).resolve() == folder.resolve()]

    def steps(self, job: str) -> int:
        """How many `srun` steps a job had."""
        lines = self.say("sacct", "-nP", f"--jobs={job}", "--format=JobID").split()
        return sum(line.rpartition(".")[2].isdigit() for line in lines if "." in line)

    def wait_until_gone(self, job: str) -> None:
        """Returns once no process of SLURM's on the node belongs to a job."""
        _until(lambda: not any(f"slurmstepd: [{job}." in title for title in _titles()))

    def start_controller(self) -> None:
        """Starts slurmctld, again if it was stopped."""
        self.say("slurmctld")
        _until(lambda: "localhost" in self.say("sinfo", "--noheader", "--Node"))

    def stop_controller(self) -> None:
        """Kills slurmctld."""
        _end(self.state / "slurmctld.pid", signal.SIGKILL)

    def start(self) -> None:
        """Starts everything, and returns once the node takes jobs."""
        self._write_config()
        self._start_munge()
        self._start_database()
        self.say("slurmdbd")
        _until(lambda: self.say("sacctmgr", "-i", "add", "cluster", "test"))
        self.say("sacctmgr", "-i", "add", "account", "default", "Description=test", "Organization=test")
        self.say("sacctmgr", "-i", "add", "user", "root", "account=default")
        self.start_controller()
        self.say("slurmd")
        _until(lambda: "idle" in self.say("sinfo", "--noheader", "--format=%T"))

    def stop(self) -> None:
        """Stops what was started here, and nothing else of that name; leaves no configuration behind."""
        for program in ("slurmd", "slurmctld", "slurmdbd", "mariadbd", "munged"):
            _end(self.state / f"{program}.pid")
        for name in ("slurm.conf", "gres.conf", "cgroup.conf", "slurmdbd.conf"):
            (ETC / name).unlink(missing_ok=True)

    def _write_config(self) -> None:
        for folder in ("controller", "node", "database"):
            (self.state / folder).mkdir(parents=True)
        for card in ("card1", "card2"):
            (self.state / card).touch()
        ETC.mkdir(exist_ok=True)
        for name, text in {"slurm.conf": SLURM, "gres.conf": CARDS, "slurmdbd.conf": ACCOUNTING}.items():
            (ETC / name).write_text(MARK + text.format(state=self.state))
            (ETC / name).chmod(0o600)
        (ETC / "slurm.conf").chmod(0o644)
        (ETC / "cgroup.conf").write_text(f"{MARK}CgroupPlugin=cgroup/v1\n")

    def _start_munge(self) -> None:
        if subprocess.run(["munge", "--no-input"], capture_output=True, check=False).returncode == 0:
            return  # the machine's own is running
        if not KEY.is_file():
            KEY.write_bytes(os.urandom(1024))
        KEY.chmod(0o400)
        for path in (KEY, KEY.parent, *map(Path, ("/run/munge", "/var/log/munge", "/var/lib/munge"))):
            path.mkdir(exist_ok=True) if path != KEY else None
            shutil.chown(path, "munge", "munge")
        _until(lambda: self.say("runuser", "-u", "munge", "--", "munged", "--force"))
        shutil.copy("/run/munge/munged.pid", self.state / "munged.pid")

    def _start_database(self) -> None:
        folder = self.state / "database"
        shutil.chown(folder, "mysql", "mysql")
        own = ("--user=mysql", f"--datadir={folder}", f"--pid-file={folder}/pid")
        self.say("mariadb-install-db", *own, "--auth-root-authentication-method=normal", "--skip-test-db")
        listen = (f"--socket={folder}/socket", "--port=13306", "--bind-address=127.0.0.1")
        _in_background("mariadbd", *own, *listen, "--innodb-buffer-pool-size=64M")
        _until(lambda: self.say("mariadb", f"--socket={folder}/socket", "-e", DATABASE))
        shutil.copy(folder / "pid", self.state / "mariadbd.pid")


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """A SLURM for the length of a block."""
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as state:
        Path(state).chmod(0o755)  # the database runs as another user
        cluster = Cluster(Path(state))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


def _titles() -> list[str]:
    return [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": PATH}


def _end(pid_file: Path, how: int = signal.SIGTERM) -> None:
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int(pid_file.read_text()), how)


def _in_background(*command: str) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    subprocess.Popen(command, env=_environment(), start_new_session=True, **quiet)


def _until(succeeds: Callable[[], Any], seconds: float = 60) -> None:
    """Calls again until it returns something true or, for a command, does not fail."""
    end = time.monotonic() + seconds
    while True:
        try:
            if succeeds() is not False:
                return
            problem: Exception = TimeoutError("it stays false")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            problem = error
        if time.monotonic() > end:
            raise problem
        time.sleep(0.2)
