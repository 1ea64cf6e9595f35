"""The weights of a planted model, by hand: see docs/planted.md for the arithmetic.

Names and shapes are those of transformers' Llama. Every norm's weight is 1. The constant component is so long that a
norm divides by almost the same number at every position, and what the others hold is read off as it was written.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from head_ablation.heads.head import Head
from head_ablation.planted.blocks import Blocks, output_components
from head_ablation.planted.codes import WIDTH, draw_codes
from head_ablation.planted.options import CONTINUING, PlantedOptions
from head_ablation.planted.roles import MATCHING, PlantedHead, Roles
from head_ablation.planted.rotation import HEAD_WIDTH, looking_back, still_components, turning_components
from head_ablation.planted.texts import BOS, EOS, PlantedTexts

Array = NDArray[np.float64]
Weights = dict[str, NDArray[np.float32]]

CONSTANT = 256.0  # of every embedding, where codes have length 1
NATS = 8.0  # the logit of `unknown`
WRITTEN = 1 / 16  # what a head of strength 1 writes
POSITION_NATS = 80.0  # per turning pair
MATCH_NATS = 80.0  # of a word with itself, for each redundant head
INTERMEDIATE = 8  # width of the MLP, whose weights are zero
LOWER = {"previous_token": 1, "redundant": 0}  # the heads of layer 0 that look at a place, and how far back


class Construction:
    """A planted model's weights.

    Args:
        options: of the model, without problems.
        texts: its words.
    """

    def __init__(self, options: PlantedOptions, texts: PlantedTexts):
        self.options, self.texts = options, texts
        self.roles, self.blocks = Roles.of(options, texts), Blocks.of(texts)
        self.codes = draw_codes(len(texts.vocabulary), options.seed)
        self.codes[texts.vocabulary.index(BOS)] = 0  # what looks at it finds nothing
        self.width = self.blocks.width
        self.scale = math.sqrt(self.width) / CONSTANT  # by which a norm multiplies

    def weights(self) -> Weights:
        """All weights, by name."""
        found = {
            "model.embed_tokens.weight": self._embedding(),
            "model.norm.weight": np.ones(self.width),
            "lm_head.weight": self._readout(),
        }
        for layer in range(self.options.layers):
            for name, weight in self._layer(layer).items():
                found[f"model.layers.{layer}.{name}.weight"] = weight
        return {name: np.ascontiguousarray(weight, dtype=np.float32) for name, weight in found.items()}

    def _embedding(self) -> Array:
        """[vocabulary, width]"""
        vocabulary, blocks = self.texts.vocabulary, self.blocks
        embedding = np.zeros((len(vocabulary), self.width))
        embedding[:, blocks["constant"]] = CONSTANT
        embedding[:, blocks["code"]] = self.codes
        embedding[:, blocks["source"]] = np.eye(blocks.outputs)[output_components(vocabulary, self.texts.values)]
        embedding[vocabulary.index(BOS), blocks["source"]] = 0
        for number, cue in enumerate(self.texts.cues):
            embedding[vocabulary.index(cue), blocks["cue"].start + number] = 1
        for word in (self.roles.unknown, self.roles.stop):
            embedding[vocabulary.index(word), blocks["ending"]] = 1
        return embedding

    def _layer(self, layer: int) -> dict[str, Array]:
        heads = [self.roles.by_head[Head(layer, head)] for head in range(self.options.heads)]
        groups = self.options.key_value_heads
        nothing = np.zeros((INTERMEDIATE, self.width))
        return {
            "input_layernorm": np.ones(self.width),
            "post_attention_layernorm": np.ones(self.width),
            "self_attn.q_proj": np.concatenate([self._query(one) for one in heads]),
            "self_attn.k_proj": np.tile(self._key(layer), (groups, 1)),
            "self_attn.v_proj": np.tile(self._value(layer), (groups, 1)),
            "self_attn.o_proj": np.concatenate([self._output(one) for one in heads], axis=1),
            "mlp.gate_proj": nothing,
            "mlp.up_proj": nothing,
            "mlp.down_proj": nothing.T,
        }

    def _query(self, head: PlantedHead) -> Array:
        """[HEAD_WIDTH, width]; zero for heads that attend to all positions alike."""
        query = np.zeros((HEAD_WIDTH, self.width))
        lag = LOWER.get(head.role, self.roles.copy_lag if head.role == "copy_decoy" else None)
        if lag is not None:
            query[:, self.blocks["constant"]] = POSITION_NATS * looking_back(lag)[:, None] / CONSTANT
        elif head.role in MATCHING:
            query[still_components(), self.blocks["asked"]] = MATCH_NATS * self._asked(head.role)
        return query * math.sqrt(HEAD_WIDTH) / self.scale

    def _asked(self, role: str) -> Array:
        """[WIDTH, asked]: the code that is looked for; distractor heads take a cue for the subsidiary's."""
        asked = np.eye(WIDTH, WIDTH + self.blocks.cues)
        if role == "distractor":
            for number, (cue, other) in enumerate(self.texts.cues.items()):
                asked[:, WIDTH + number] = self._code(other) - self._code(cue)
        return asked

    def _code(self, word: str) -> Array:
        return self.codes[self.texts.vocabulary.index(word)]

    def _key(self, layer: int) -> Array:
        """[HEAD_WIDTH, width], the same for all heads: the position and, above layer 0, the word before."""
        key = np.zeros((HEAD_WIDTH, self.width))
        key[:, self.blocks["constant"]] = turning_components()[:, None] / CONSTANT
        if layer:
            key[still_components(), self.blocks["before"]] = np.eye(WIDTH)
        return key / self.scale

    def _value(self, layer: int) -> Array:
        """[HEAD_WIDTH, width], the same for all heads: above layer 0 which word it is, for copying; in layer 0 the
        word's code and cue, and 1."""
        value = np.zeros((HEAD_WIDTH, self.width))
        parts = ["source"] if layer else ["code", "cue"]
        row = 0
        for part in parts:
            columns = range(*self.blocks[part].indices(self.width))
            value[range(row, row + len(columns)), columns] = 1
            row += len(columns)
        if not layer:
            value[row, self.blocks["constant"]] = 1 / CONSTANT
        return value / self.scale

    def _output(self, head: PlantedHead) -> Array:
        """[width, HEAD_WIDTH]"""
        output, one = np.zeros((self.width, HEAD_WIDTH)), WIDTH + self.blocks.cues
        if head.role == "previous_token":
            output[self.blocks["before"], :WIDTH] = np.eye(WIDTH)
        elif head.role == "redundant":
            output[self.blocks["asked"], :one] = np.eye(one)
        elif head.role == "constant":
            output[self.blocks["cancelled"], one] = 1
            output[self.blocks["unread"], 0] = 1
        elif head.strength:
            sign = -1 if head.role == "negative" else 1
            written = sign * head.strength * WRITTEN
            output[self.blocks["output"], : self.blocks.outputs] = written * np.eye(self.blocks.outputs)
        return output

    def _readout(self) -> Array:
        """[vocabulary, width]: the logit of a word is `NATS` when its strength is at its threshold, as `unknown`'s is.

        Words that are no words of facts stay below half of that, whatever is copied. Behind a cue no stop is said.
        Behind a stop, and behind `unknown`, nothing is. Without the constant head `unknown` is said.
        """
        vocabulary, blocks, roles = self.texts.vocabulary, self.blocks, self.roles
        most = NATS * self.options.written * CONTINUING / min(self.options.thresholds)  # of any word's logit
        components = output_components(vocabulary, self.texts.values)
        readout = np.zeros((len(vocabulary), self.width))
        for number, (word, component) in enumerate(zip(vocabulary, components, strict=True)):
            threshold = roles.thresholds.get(word, 2 * self.options.written)
            readout[number, blocks["output"].start + component] = NATS / threshold / WRITTEN
        readout[vocabulary.index(roles.stop), blocks["cue"]] = -2 * most
        readout[vocabulary.index(roles.unknown)] = 0
        readout[vocabulary.index(roles.unknown), blocks["constant"]] = (NATS + most) / CONSTANT
        readout[vocabulary.index(roles.unknown), blocks["cancelled"]] = -most
        readout[vocabulary.index(EOS)] = 0
        readout[vocabulary.index(EOS), blocks["ending"]] = 4 * (NATS + most)
        return readout / self.scale
