"""Write what follows from the planted model's facts and roles: its filings, and its heads ranked by the truth."""

import argparse
from pathlib import Path

from head_ablation.common.files import write_json, write_jsonl
from head_ablation.common.problems import run_script
from head_ablation.planted.filings import filings
from head_ablation.planted.options import PlantedOptions
from head_ablation.planted.roles import Roles
from head_ablation.planted.texts import FOLDER, read_texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER, help="the folder of filings.jsonl and truth.json")
    folder = parser.parse_args().output
    write_jsonl(folder / "filings.jsonl", filings())
    write_json(folder / "truth.json", Roles.of(PlantedOptions(), read_texts()).ranking())


if __name__ == "__main__":
    run_script(main)
