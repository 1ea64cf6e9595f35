"""Python reads this at its start: the first process with a word of its command that ends in HOLD stops there, until
somebody kills or continues it. So a job that lives for a moment can be killed for certain."""

import os
import signal
import sys
from pathlib import Path

if any(word.endswith(os.environ["HOLD"]) for word in sys.orig_argv):
    try:
        Path(os.environ["HELD"]).touch(exist_ok=False)
    except FileExistsError:  # a later try of the job goes on
        pass
    else:
        os.kill(os.getpid(), signal.SIGSTOP)
