"""Snakemake that asks for the state of jobs every three seconds: SLURM's plugin asks ever more rarely, to spare it."""

from __future__ import annotations

import asyncio

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def sleep(_executor: RemoteExecutor) -> None:
    """In place of the executor's own sleep between two questions."""
    await asyncio.sleep(3)


if __name__ == "__main__":
    RemoteExecutor.sleep = sleep
    main()
