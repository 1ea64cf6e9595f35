"""Write the audit of finished ablation results: claims about them, their head sets, contradictions among them."""

import argparse
from pathlib import Path

from head_ablation.audit import audit_markdown
from head_ablation.claims import read_claims
from head_ablation.files import read_json, write_text
from head_ablation.heads import HeadSet
from head_ablation.problems import run_script
from head_ablation.rankings import ranked_heads
from head_ablation.results import experiment_of_path, result_at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    place = ".../{method}/{model}/{question}/tokens_{tokens}"
    parser.add_argument("--results", required=True, nargs="+", help=f"ablation results, {place}.json")
    parser.add_argument("--rankings", nargs="*", default=[], help=f"their rankings, {place}.json")
    parser.add_argument("--head-sets", nargs="*", default=[], help=f"this study's head sets, {place}/index.json")
    parser.add_argument("--claims", nargs="?", help="YAML file, see schemas/claims.schema.yaml")
    parser.add_argument("--excluded", required=True, type=int, help="so many top heads are never drawn at random")
    parser.add_argument("--output", required=True, type=Path, help="a Markdown page")
    arguments = parser.parse_args()
    indexes = {experiment_of_path(path): read_json(path)["conditions"] for path in arguments.head_sets}
    page = audit_markdown(
        results=[result_at(path) for path in arguments.results],
        claims=read_claims(arguments.claims) if arguments.claims else None,
        rankings={experiment_of_path(path): ranked_heads(read_json(path)) for path in arguments.rankings},
        head_sets={key: {name: HeadSet.parse(heads) for name, heads in sets.items()} for key, sets in indexes.items()},
        excluded=arguments.excluded,
    )
    write_text(arguments.output, page)


if __name__ == "__main__":
    run_script(main)
