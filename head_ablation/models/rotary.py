"""Rotary positions whose factors depend on how many tokens are read: LongRoPE and dynamic NTK.

Elsewhere a prompt's beginning, read alone, has the keys and values that it has in the whole prompt, so that prompts can
share it. Here it has not, once the prompt is longer than the length that the model was trained with first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

LONGROPE = ("longrope", "su")
DYNAMIC = "dynamic"


@dataclass(frozen=True)
class RotaryLengths:
    """Up to which lengths the factors stay as they are.

    Attributes:
        longrope: tokens that are read with the short factors, longer ones with the long factors; None: there is one
            set.
        dynamic: tokens up to which nothing is scaled; beyond them each length has factors of its own. None: not so.
    """

    longrope: int | None = None
    dynamic: int | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> RotaryLengths:
        """From a model's (text) config, as files have it or as transformers completes it."""
        longrope, dynamic = [], []
        for scaling in _scalings(config):
            kind = str(scaling.get("rope_type") or scaling.get("type"))
            longest = config.get("max_position_embeddings")
            first = scaling.get("original_max_position_embeddings") or config.get("original_max_position_embeddings")
            if kind in LONGROPE:
                longrope.append(first or longest)
            elif DYNAMIC in kind:
                dynamic.append(longest)
        return cls(*(min(filter(None, found), default=None) for found in (longrope, dynamic)))

    def problem(self, tokens: int, answer: int) -> str | None:
        """What prompts of `tokens` should be instead, with answers of up to `answer` tokens; None if they can be read.

        A prompt that ends before the factors change and whose answer does not is read anew by transformers; one that
        ends just behind the change has a last token that is read with other factors than those before it.
        """
        if self.dynamic is not None and tokens + answer > self.dynamic:
            wanted = f"at most {self.dynamic - answer}"
            return f"{wanted}: beyond {self.dynamic} tokens, answers included, dynamic NTK scaling varies with each one"
        if self.longrope is not None and tokens - 1 <= self.longrope < tokens + answer:
            wanted = f"at most {self.longrope - answer} or at least {self.longrope + 2}"
            return f"{wanted}: LongRoPE changes its factors at {self.longrope} tokens, answers included"
        return None

    def read_whole(self, tokens: int) -> bool:
        """Whether prompts of `tokens` have to be read whole, sharing nothing."""
        return self.longrope is not None and tokens > self.longrope


def _scalings(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All descriptions of rotary factors: one, or one for each kind of layer."""
    for given in (config.get("rope_scaling"), config.get("rope_parameters")):
        if isinstance(given, Mapping):
            yield given
            yield from (part for part in given.values() if isinstance(part, Mapping))
