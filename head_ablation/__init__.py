"""Head ablation: are the attention heads that a detector ranks highest causally needed for retrieval?

Imports between the packages point downwards only, in this order: `common`, `heads`, `prompts`, `planted`, `models`,
`engine`, `detectors`, `jobs`, `results`, `figures`, `report`, `study`, `bench`. Only `engine`, `detectors` and `bench`
import torch.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("head-ablation")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0+unknown"

#: Raised whenever the same inputs would give other generations; part of every generation file. Interventions,
#: detectors and matchers have versions of their own.
PROTOCOL_VERSION = 3

#: Raised whenever the same inputs would give other samples or prompts.
PROMPTS_VERSION = 1

#: Raised whenever the same ranking would give other head sets.
HEAD_SETS_VERSION = 1
