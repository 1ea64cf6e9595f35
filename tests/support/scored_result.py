"""Generations about years, worked out by hand: five prompts, one of which does not hold its answer."""

from head_ablation.heads.condition import Condition
from head_ablation.prompts.prompt import Prompt, counted_prompts, prompts_digest
from head_ablation.results.scoring import Judge, score_experiment

GOLDS = ["1929", "1954", "1960", "1929.0", "1999"]
PROMPTS = [
    Prompt(f"{n}_1993.txt", str(n), gold, [n, n, n], (0, 2), (0, 1) if n < 4 else None, "" if n < 4 else "not stated")
    for n, gold in enumerate(GOLDS)
]
JUDGE = Judge("year", "typed")
IDENTITY = {"method": "wu24_ablation_incremental", "model_key": "tiny", "question": "inc_year", "total_tokens": 3}


def generation(texts, heads=(), prompts=PROMPTS):
    return {
        "protocol_version": 1,
        "model": {"name": "tiny", "revision": None, "fingerprint": "f"},
        "prompts_sha256": prompts_digest(prompts),
        "heads": list(heads),
        "settings": {"batch_size": 2},
        "generations": [
            {"filename": p.filename, "token_ids": [1], "text": t} for p, t in zip(prompts, texts, strict=True)
        ],
    }


BASELINE = generation([" 1929\n", "1954", "1993", "1929", "1999"])  # 3 of 4; the fifth does not count
ABLATED = {
    "top-2": generation(["1929", "1993", "1993", "none", "1999"], ["L0H7", "L3H1"]),  # 1 of 4
    "random-2-0": generation(["1929", "1954", "1993", "1993", "1993"], ["L1H5", "L2H0"]),  # 2 of 4
    "random-2-1": generation(["1929", "1954", "1960", "1929", "1993"], ["L0H0", "L3H3"]),  # 4 of 4
    "top-3": generation(["no", "no", "no", "no", "1999"], ["L0H7", "L2H2", "L3H1"]),  # 0 of 4
    "random-3-0": generation(["1929", "1993", "1960", "1929", "no"], ["L1H5", "L2H0", "L2H1"]),  # 3 of 4
    "random-3-1": generation(["1929", "1954", "1993", "1929", "no"], ["L0H0", "L0H3", "L3H3"]),  # 3 of 4
}


def to(prompts, made):
    """A generation that answers these prompts only."""
    asked = {prompt.filename for prompt in prompts}
    return {**made, "generations": [answer for answer in made["generations"] if answer["filename"] in asked]}


def scored(judge=JUDGE, baseline=BASELINE, ablated=None, prompts=PROMPTS):
    asked = counted_prompts(prompts, judge.count)
    conditions = {Condition.parse(name): to(asked, made) for name, made in (ablated or ABLATED).items()}
    return score_experiment(IDENTITY, prompts, to(asked, baseline), conditions, judge)
