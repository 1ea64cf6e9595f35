"""Head ablation: are the attention heads that a detector ranks highest causally needed for retrieval?

The modules stand in the order of a study: samples, prompts, rankings, heads, ablation, generation, scoring, tables,
figures. `jobs` asks the `store` before any GPU work. Only what runs models imports torch: `models`, `runs`,
`generation` and `detection`, under them `reading`, `key_values`, `attention` and `ablation`, and `benchmarks`.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("head-ablation")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

#: Raised whenever the same inputs would give other generations; part of every generation file.
PROTOCOL_VERSION = 2

#: Raised whenever the same inputs would give another detected ranking.
DETECTION_VERSION = 2
