"""docs/architectures.md: what the installed transformers can build as a causal language model, and what is ablated.

`python tests/oracle/architectures_table.py` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import transformers
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from head_ablation.models.architectures import EAGER_ONLY, architecture_problems, has_sinks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architectures.md"
INTRODUCTION = f"""# Architectures

All model types that transformers {transformers.__version__} builds as causal language models. Of those that are
supported, a tiny random model of each

- is exact head by head: a zeroed slice of the output projection's input is that head's output (gated, where the model
  gates it) zeroed in attention arithmetic that is written out by hand;
- is exact against zeroed weights: the answers, read with a shared prefix in batches, are token for token those of
  transformers' `generate` on a copy whose projection has zero columns;
- is watched rightly in detection: the rows that detectors see are those of the model's own attention weights.

All others are refused by name before the model is loaded. Refused are also models of a supported type with
`num_kv_shared_layers`, with layers that do not attend, prompts at whose length LongRoPE changes its factors, and
prompts beyond the trained length of dynamic NTK scaling.

`tests/oracle/test_architectures.py` checks all of this, and that this table is current (`slow` marks the longer part).

| model type | supported | attention | detection | why not |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """The page's text."""
    return INTRODUCTION + "".join(f"| {' | '.join(row)} |\n" for row in _rows())


def _rows() -> Iterator[tuple[str, str, str, str, str]]:
    for kind in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        problems = list(architecture_problems(Path("config.json"), {"model_type": kind}))
        if problems:
            yield f"`{kind}`", "no", "-", "-", problems[0].fix
        else:
            attention = "`eager` only" if kind in EAGER_ONLY else "any"
            yield f"`{kind}`", "yes, exact", attention, "yes, with sinks" if has_sinks(kind) else "yes", "-"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
