"""jieba's segmenter of Chinese words, without its cache.

jieba keeps its dictionary as ``jieba.cache`` in the shared temporary folder and unmarshals
whatever it finds there; here the dictionary is read from jieba's own package each time.
"""

from __future__ import annotations

import logging
import warnings
from typing import Any


def new_segmenter() -> Any:
    """A ``jieba.Tokenizer`` with jieba's own dictionary; it reads and writes nothing else."""
    with warnings.catch_warnings():
        # Its source has invalid escapes, which Python names when it compiles them.
        warnings.simplefilter("ignore")
        import jieba
    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter
