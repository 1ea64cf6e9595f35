"""What a job asks of a cluster, from the size of its work, and how much time a cluster has given it.

Asking too little ends a job before its time, asking too much makes it wait: the estimates are meant to be on the safe
side by 2 or more, and grow with every attempt.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from head_ablation.common.experiment import Experiment
from head_ablation.common.problems import StudyError
from head_ablation.detectors import DETECTORS
from head_ablation.detectors.settings import DetectorChoice
from head_ablation.heads.head_sets import read_head_set
from head_ablation.jobs.batch_size import CPU_GB, MOST_ROWS, Load
from head_ablation.jobs.protocol import Protocol
from head_ablation.jobs.store import Store
from head_ablation.jobs.work import LevelWork, ScoringWork
from head_ablation.models.pointer import Pointer
from head_ablation.models.shape import known_parameters
from head_ablation.models.size import BYTES
from head_ablation.prompts.prompt import counted_prompts, prompts_digest, read_prompts
from head_ablation.study.settings import detector_choices, level_settings, model_source, score_settings, shape_at_hand
from head_ablation.study.study import Study

Written = tuple[str, int]  # a file, and when it was written
UNKNOWN = 8e9  # parameters, of a model that is neither here nor described
UNKNOWN_HEADS = 1024  # of such a model
BASE_MB = 2000  # Python, torch and transformers; with CUDA, its context too
# Assumed, on the slow side; no GPU was measured.
START_SECONDS = 30
BYTES_PER_SECOND = 0.5e9  # of weights, from a shared file system
GPU_TFLOPS = 100.0  # what a data centre's GPU reaches in half precision
THREAD_TFLOPS = 0.03  # of one CPU thread; SmolLM2 was measured at 0.08


@dataclass(frozen=True)
class Work:
    """Prompts that a model reads.

    Attributes:
        parameters: of the model.
        dtype: of its weights, as in the config.
        prompts: how many.
        tokens: of each.
        batch_size: prompts held together.
        room_gb: what they may take beside the weights.
        on_gpu: whether a GPU does it; else the CPU.
        tflops: what the device does, in 10^12 operations a second.
    """

    parameters: float
    dtype: str
    prompts: int
    tokens: int
    batch_size: int
    on_gpu: bool
    tflops: float
    room_gb: float = math.inf

    @property
    def weights_bytes(self) -> float:
        """The weights in memory."""
        return self.parameters * BYTES[self.dtype]

    def mem_mb(self) -> int:
        """Main memory, in MB: the weights pass through it; without a GPU, keys, values and activations too.

        Those are taken as parameters^(2/3) / 5 values per token. SmolLM2-135M was measured at 90 KB per token in
        float32, for which this says 210 KB: it has to do for models without grouped keys and values too.
        """
        token_bytes = self.parameters ** (2 / 3) / 5 * BYTES[self.dtype]
        activations = 0 if self.on_gpu else min(self.batch_size * self.tokens * token_bytes, 1e9 * self.room_gb)
        return math.ceil(BASE_MB + (1.2 * self.weights_bytes + activations) / 1e6)

    def minutes(self) -> int:
        """Start, weights, and twice the 2 operations that each parameter takes per token."""
        reading = 2 * 2 * self.parameters * self.tokens * self.prompts / (self.tflops * 1e12)
        return math.ceil((START_SECONDS + self.weights_bytes / BYTES_PER_SECOND + reading) / 60)


@dataclass(frozen=True)
class Request:
    """What one job asks for.

    Attributes:
        threads: CPU threads.
        gpu: GPUs.
        mem_mb: main memory, in MB.
        runtime: minutes.
    """

    threads: int
    gpu: int
    mem_mb: int
    runtime: int


FROM_STORE = Request(threads=1, gpu=0, mem_mb=1000, runtime=1)


class Requests:
    """What the jobs of a checked study ask for.

    Args:
        study: the study.
        samples: question, split -> how many samples there are.
        store: is asked what needs no model any more.
    """

    def __init__(self, study: Study, samples: Callable[[str, str], int], store: Store):
        self.study, self.samples, self.store = study, samples, store
        self.for_model = cache(self._for_model)
        self._holds_level = cache(self._look_up_level)
        self._holds_scores = cache(self._look_up_scores)
        self._prompts_facts = cache(lambda prompts, _written: _facts(prompts, study.config["scoring"]["count"]))
        self._parameters = cache(self._look_up_parameters)

    def holds_level(self, experiment: Experiment, model: str, prompts: str, heads: str) -> bool:
        """Whether the store has the generations of a level job, as its files are now; False while one is missing."""
        return self._current(self._holds_level, experiment, model, prompts, heads)

    def holds_scores(self, experiment: Experiment, model: str, prompts: str) -> bool:
        """Whether the store has all head scores, as the job's files are now; False while a file is missing."""
        return self._current(self._holds_scores, experiment, model, prompts)

    def _for_model(self, experiment: Experiment, split: str, attempt: int) -> Request:
        """For reading an experiment's prompts of a split; each attempt asks for more time and memory."""
        own, prompts = self.study.model(experiment.model), self._prompts(experiment, split)
        auto = own["batch_size"] == "auto"
        work = Work(
            parameters=self._parameters(experiment.model),
            dtype=own["dtype"],
            prompts=prompts,
            tokens=experiment.tokens,
            batch_size=min(prompts, MOST_ROWS) if auto else own["batch_size"],
            room_gb=own["memory_gb"] or CPU_GB if auto else math.inf,
            on_gpu=own["gpu"] > 0,
            tflops=own["tflops"] or own["gpu"] * GPU_TFLOPS or own["threads"] * THREAD_TFLOPS,
        )
        mem_mb, runtime = own["mem_mb"] or work.mem_mb(), own["runtime"] or work.minutes()
        return Request(own["threads"], own["gpu"], attempt * mem_mb, attempt * runtime)

    def _prompts(self, experiment: Experiment, split: str) -> int:
        """How many prompts are read; for head scores, passes that read them again are counted as more of them."""
        samples = self.samples(experiment.question, split)
        if split == "test":
            return samples
        count = min(samples, self.study.config["detection"]["prompts"])
        apart = sum(math.ceil(self._readings(experiment, choice, count)) for choice in detector_choices(self.study))
        return max(1, count + apart)

    def _readings(self, experiment: Experiment, choice: DetectorChoice, prompts: int) -> float:
        """How often a detector reads a prompt in passes of its own."""
        detector, shape = DETECTORS[choice.name], shape_at_hand(self.study, experiment.model)
        heads = shape.layers * shape.heads if shape else UNKNOWN_HEADS
        options = DETECTORS.chosen_options(choice.name, choice.options)
        return detector.readings(heads, prompts, options) if detector.measure else 0

    def _look_up_parameters(self, model: str) -> float:
        origin, billions = model_source(self.study, model), self.study.model(model)["billion_parameters"]
        if billions:
            return 1e9 * billions
        return known_parameters(origin.source, origin.revision, origin.planted) or UNKNOWN

    def _current(self, holds: Callable[..., bool], experiment: Experiment, *files: str) -> bool:
        if not all(Path(path).is_file() for path in files):
            return False
        try:
            return holds(experiment, *((path, Path(path).stat().st_mtime_ns) for path in files))
        except StudyError:  # the job itself says what is wrong
            return False

    def _look_up_level(self, experiment: Experiment, model: Written, prompts: Written, heads: Written) -> bool:
        digest, load = self._prompts_facts(*prompts)
        settings = level_settings(self.study, experiment.model)
        work = LevelWork.about(Pointer.read(model[0]), digest, load, settings)
        return self._holds(work.protocol(read_head_set(heads[0])))

    def _look_up_scores(self, experiment: Experiment, model: Written, prompts: Written) -> bool:
        settings = score_settings(self.study, experiment.model, experiment.question)
        work = ScoringWork.of(Pointer.read(model[0]), read_prompts(prompts[0]), settings)
        return all(self._holds(unit.protocol) for unit in work.units)

    def _holds(self, protocol: Protocol) -> bool:
        return self.store.find(protocol) is not None


def _facts(prompts: str, count: str) -> tuple[str, Load]:
    there = counted_prompts(read_prompts(prompts), count)
    return prompts_digest(there), Load.of(there)
