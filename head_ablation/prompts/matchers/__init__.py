"""When an answer is right. Matchers read the first line of what the model said and judge its first mention.

The first year, number or state of the line must be the gold one, so that hedging ("Ohio or Delaware") is wrong and
"Virginia" is not found in "West Virginia". Thoughts and markup around an answer do not count as a line. The published
study's rule, the gold value as a substring anywhere, is kept as `published_rule`.
"""

from head_ablation.common.registry import Registry
from head_ablation.prompts.matchers.integer import INTEGER
from head_ablation.prompts.matchers.matcher import Matcher
from head_ablation.prompts.matchers.text import TEXT
from head_ablation.prompts.matchers.us_state import US_STATE
from head_ablation.prompts.matchers.year import YEAR

MATCHERS = Registry[Matcher](
    "matcher",
    INTEGER,
    YEAR,
    US_STATE,
    TEXT,
)
