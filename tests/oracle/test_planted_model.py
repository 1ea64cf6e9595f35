"""The planted model: what transformers computes of its weights is what its roles predict, word by word.

Each row of a batch is a prompt, the predicted answer behind it, and heads of its own that are ablated: one forward call
says for every word whether it is the most likely one. The heads are ablated here, not by the library.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from plain_llama import PlainLlama
from planted_model import Planted, planted_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from head_ablation.engine.generation import GenerationSettings, generate
from head_ablation.engine.settings import AblationSettings
from head_ablation.heads.head import Head, HeadSet
from head_ablation.planted.options import PlantedOptions
from head_ablation.planted.prediction import predicted_answer, read_facts
from head_ablation.planted.roles import Roles
from head_ablation.planted.rotation import HEAD_WIDTH
from head_ablation.prompts.prompt import Prompt
from head_ablation.prompts.tokenizer import PromptTokenizer

VARIANTS = {"mha": PlantedOptions(), "gqa": PlantedOptions(kv_heads=2)}
ENDING = ("</s>",)


@dataclass(frozen=True)
class Case:
    """A prompt, and the heads that are ablated while it is answered."""

    prompt: Prompt
    heads: tuple[Head, ...]


@pytest.fixture(scope="module", params=VARIANTS)
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return planted_model(tmp_path_factory.mktemp(request.param), VARIANTS[request.param])


@pytest.fixture(scope="module")
def model(planted: Planted) -> Any:
    return AutoModelForCausalLM.from_pretrained(planted.folder, dtype=torch.float32, local_files_only=True).eval()


def random_cases(planted: Planted, count: int) -> list[Case]:
    """Head sets drawn from all heads, and from those whose strengths decide, each with another prompt."""
    rng = random.Random(0)
    everyone = list(planted.roles.by_head)
    deciding = planted.roles.of_role("retrieval", "negative", "distractor", "redundant")
    prompts = rng.sample(planted.mixed_prompts, len(planted.mixed_prompts))
    pools = [everyone, deciding, deciding]
    sets = [tuple(rng.sample(pools[n % 3], rng.randint(0, 9))) for n in range(count)]
    return [Case(prompts[n % len(prompts)], heads) for n, heads in enumerate(sets)]


def single_cases(planted: Planted) -> list[Case]:
    """Every head alone, and the pair of redundant ones."""
    roles, prompts = planted.roles, planted.mixed_prompts
    sets = [(), *((head,) for head in roles.by_head), tuple(roles.of_role("redundant"))]
    return [Case(prompts[n % 5], heads) for n, heads in enumerate(sets)]


def predicted(roles: Roles, case: Case, **how: str) -> list[str]:
    facts = read_facts(roles, case.prompt)
    assert facts
    answer = predicted_answer(roles, facts, case.heads, **how)
    assert answer
    return [*answer.split(), *ENDING]


def ablated_outputs(model: Any, planted: Planted, cases: Sequence[Case], rest: Callable[[Any], Any]) -> ExitStack:
    """Hooks that overwrite each row's ablated heads, in the input of the output projections, by `rest` of it."""
    hooks = ExitStack()
    for layer, block in enumerate(model.model.layers):
        mask = masked(planted, cases, layer)  # [rows, 1, heads * width]

        def hook(_module: Any, args: Any, mask: torch.Tensor = mask) -> Any:
            return (torch.where(mask, rest(args[0]), args[0]),)

        hooks.callback(block.self_attn.o_proj.register_forward_pre_hook(hook).remove)
    return hooks


def ablated_queries(model: Any, planted: Planted, cases: Sequence[Case]) -> ExitStack:
    """Hooks that zero each row's ablated queries."""
    hooks = ExitStack()
    for layer, block in enumerate(model.model.layers):
        mask = masked(planted, cases, layer)

        def hook(_module: Any, _args: Any, output: Any, mask: torch.Tensor = mask) -> Any:
            return output.masked_fill(mask, 0)

        hooks.callback(block.self_attn.q_proj.register_forward_hook(hook).remove)
    return hooks


def masked(planted: Planted, cases: Sequence[Case], layer: int) -> torch.Tensor:
    heads = planted.roles.options.heads
    rows = [[Head(layer, head) in case.heads for head in range(heads)] for case in cases]
    return torch.tensor(rows).repeat_interleave(HEAD_WIDTH, dim=1)[:, None]


HOW: dict[str, Callable[[Any, Planted, Sequence[Case]], ExitStack]] = {
    "zero_output": lambda model, planted, cases: ablated_outputs(model, planted, cases, torch.zeros_like),
    # At the first position a head can only attend to that position: its output there is that value.
    "first_token": lambda model, planted, cases: ablated_outputs(model, planted, cases, lambda hidden: hidden[:, :1]),
    "zero_query": ablated_queries,
}


def wrong_words(model: Any, planted: Planted, cases: Sequence[Case], roles: Roles, how: str) -> list[str]:
    """The words of predicted answers that are not the model's."""
    answers = [predicted(roles, case, intervention=how) for case in cases]
    longest = max(map(len, answers))
    rows = [
        [*case.prompt.token_ids, *map(planted.id, [*answer, *["</s>"] * (longest - len(answer))])]
        for case, answer in zip(cases, answers, strict=True)
    ]
    with torch.inference_mode(), HOW[how](model, planted, cases):
        logits = model(input_ids=torch.tensor(rows), use_cache=False, logits_to_keep=longest + 1).logits
    best = logits.argmax(dim=-1).tolist()  # [rows, longest + 1]: behind the prompt, and behind each word
    return [
        f"{case.prompt.filename} without {', '.join(map(str, case.heads))}: '{word}', not '{said}'"
        for case, answer, row in zip(cases, answers, best, strict=True)
        for word, said in zip(answer, (planted.roles.vocabulary[token] for token in row), strict=False)
        if word != said
    ]


def test_transformers_reads_the_tokenizer_as_the_library_does(planted: Planted) -> None:
    text = "The Company, headquartered at Santa Fe, makes zebras."
    theirs = AutoTokenizer.from_pretrained(planted.folder, local_files_only=True)
    ours, _ = PromptTokenizer(planted.folder).encode_with_specials(text)
    assert theirs(text)["input_ids"] == ours
    assert ours[0] == theirs.bos_token_id and theirs.unk_token_id in ours


def test_every_head_alone_does_what_its_role_says(model: Any, planted: Planted) -> None:
    assert wrong_words(model, planted, single_cases(planted), planted.roles, "zero_output") == []


@pytest.mark.parametrize("how", HOW)
def test_random_head_sets_answer_as_predicted(how: str, model: Any, planted: Planted) -> None:
    cases = random_cases(planted, 60 if how == "zero_output" else 24)
    assert len({case.heads for case in cases}) > len(cases) - 8
    assert wrong_words(model, planted, cases, planted.roles, how) == []


def test_a_prediction_from_wrong_strengths_is_found_out(model: Any, planted: Planted) -> None:
    """Negative control: the same model, predicted as if its strongest head were weaker."""
    weaker = [replace(one, strength=3.5) if one.strength == 6 else one for one in planted.roles.heads]
    wrong = replace(planted.roles, heads=tuple(weaker))
    assert wrong_words(model, planted, random_cases(planted, 40), wrong, "zero_output")


def test_an_ablation_of_neighbours_is_found_out(model: Any, planted: Planted) -> None:
    """Negative control: the predicted heads are not those that are ablated."""
    cases = single_cases(planted)
    with torch.inference_mode():
        answers = [predicted(planted.roles, case)[0] for case in cases]
        shifted = [Case(case.prompt, tuple(Head(h.layer, (h.head + 1) % 8) for h in case.heads)) for case in cases]
        with HOW["zero_output"](model, planted, shifted):
            rows = torch.tensor([case.prompt.token_ids for case in cases])
            best = model(input_ids=rows, use_cache=False, logits_to_keep=1).logits[:, -1].argmax(dim=-1)
    assert [planted.roles.vocabulary[token] for token in best.tolist()] != answers


def test_a_plain_llama_in_float64_agrees(model: Any, planted: Planted) -> None:
    plain, prompt = PlainLlama(planted.folder), planted.prompts["seat"][0]
    for heads in ((), tuple(planted.roles.of_role("retrieval")[:2]), tuple(planted.roles.of_role("constant"))):
        truth = plain.logits(prompt.token_ids, ablated=set(heads))[-1]
        with torch.inference_mode(), HOW["zero_output"](model, planted, [Case(prompt, heads)]):
            ours = model(input_ids=torch.tensor([prompt.token_ids]), use_cache=False).logits[0, -1]
        assert int(ours.argmax()) == int(truth.argmax())
        assert float((ours.double() - truth).abs().max()) < 1e-3 * float(truth.abs().max())


@pytest.mark.parametrize("positions", ["all", "decode"])
def test_the_library_answers_as_predicted(positions: str, model: Any, planted: Planted) -> None:
    """Behind shared prefixes, with keys and values kept; a previous-token head is needed while reading alone."""
    asked = planted.prompts["seat"][:4]
    for role in ("previous_token", "redundant", "negative"):
        heads = tuple(planted.roles.of_role(role))
        settings = GenerationSettings(10, ("\n",), 4, AblationSettings(positions=positions))
        decode = PromptTokenizer(planted.folder).decode
        answers = generate(model, decode, [prompt.token_ids for prompt in asked], HeadSet(heads), settings)
        wanted = [predicted(planted.roles, Case(prompt, heads), positions=positions) for prompt in asked]
        assert [answer.text.split() for answer in answers] == [words[:-1] for words in wanted]
