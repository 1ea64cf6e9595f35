"""How much time SLURM has left for this job."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from datetime import datetime


def minutes_left() -> float:
    """Until SLURM ends this job's allocation; infinite outside of one, and where its end is not known."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or shutil.which("squeue") is None:
        return math.inf
    command = ["squeue", "--noheader", f"--jobs={job}", "--format=%e"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    try:
        return (datetime.fromisoformat(said) - datetime.now()).total_seconds() / 60
    except ValueError:  # N/A, Unlimited; nothing while SLURM does not answer
        return math.inf
