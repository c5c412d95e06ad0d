"""Write the table of common Chinese characters by which an encoding is told from another.

In: jieba's dictionary and the records that ship. Out: gi_classifier/data/common_characters.txt.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from gi_classifier.data.encodings import COMMON_CHARACTERS
from gi_classifier.text import normalise

ROOT = Path(__file__).resolve().parents[1]
# The dictionary's most frequent characters; of the records', those that occur so often.
FREQUENT, OCCURRENCES = 2500, 3
WIDTH = 50


def main() -> None:
    """Count both and write their union in the order of the code points."""
    import jieba

    general: Counter[str] = Counter()
    dictionary = Path(jieba.__file__).parent / "dict.txt"
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        word, count = line.split()[:2]
        for character in word:
            general[character] += int(count)
    own: Counter[str] = Counter()
    for path in (ROOT / "data" / "all.txt", *sorted((ROOT / "data" / "dev").glob("*.txt"))):
        own.update(normalise(path.read_text(encoding="utf-8")))
    ideographs = Counter({c: n for c, n in general.items() if "\u4e00" <= c <= "\u9fff"})
    found = {c for c, _ in ideographs.most_common(FREQUENT)}
    found |= {c for c, n in own.items() if n >= OCCURRENCES and "\u4e00" <= c <= "\u9fff"}
    table = "".join(sorted(found))
    lines = [table[start : start + WIDTH] for start in range(0, len(table), WIDTH)]
    COMMON_CHARACTERS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(table)} characters written to {COMMON_CHARACTERS}")


if __name__ == "__main__":
    main()
