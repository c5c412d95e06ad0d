from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from gi_classifier.data.fingerprints import (
    BASE,
    SPLIT_NAMES,
    earlier_splits,
    fingerprint,
    fingerprints,
    known_warning,
    trained_on,
    trained_on_warning,
)
from gi_classifier.data.near_duplicates import SIMILAR, near_duplicate_groups
from gi_classifier.data.records import Records
from gi_classifier.data.splitting import check_apart, hold_out, split
from gi_classifier.errors import RecordsError

ALPHABET = [chr(i) for i in range(0x4E00, 0x4E00 + 500)]


def families(count: int = 300, seed: int = 3) -> tuple[Records, list[int]]:
    """Records of three labels in families of near-duplicates, with the family of each."""
    source = random.Random(seed)
    rows = []
    for family in range(count):
        body = source.choices(ALPHABET, k=60)
        for _ in range(source.choice((1, 1, 1, 2, 4))):
            copy = list(body)
            copy[source.randrange(60)] = source.choice(ALPHABET)
            rows.append(("".join(copy), family % 3, family))
    source.shuffle(rows)
    texts, labels, owners = zip(*rows, strict=True)
    return Records(texts, labels, tuple(range(1, len(texts) + 1))), list(owners)


def jaccard(one: str, other: str) -> float:
    """Similarity of two texts' sets of trigrams, computed outright."""
    sets = [{f"^{t}$"[i : i + 3] for i in range(len(t))} for t in (one, other)]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def places(splits: dict[str, Records]) -> dict[str, str]:
    return {text: name for name, part in splits.items() for text in part.texts}


def test_groups_are_the_families_of_near_duplicates() -> None:
    records, owners = families()
    groups = near_duplicate_groups(records.texts)
    assert len(set(zip(owners, groups.tolist(), strict=True))) == len(set(owners)) == 300
    assert len(set(groups.tolist())) == 300


def test_groups_are_those_of_all_pairs_compared_outright() -> None:
    source = random.Random(4)
    texts = []
    for _ in range(60):
        body = source.choices(ALPHABET, k=source.randint(5, 40))
        for changes in (0, 1, 2, 3, 5):
            copy = list(body)
            for place in source.sample(range(len(body)), min(changes, len(body))):
                copy[place] = source.choice(ALPHABET)
            texts.append("".join(copy))
    expected = list(range(len(texts)))
    for (i, one), (j, other) in itertools.combinations(enumerate(texts), 2):
        if jaccard(one, other) >= SIMILAR and expected[i] != expected[j]:
            old, new = expected[j], expected[i]
            expected = [new if group == old else group for group in expected]
    assert 100 < len(set(expected)) < 250
    groups = near_duplicate_groups(texts).tolist()
    assert len(set(zip(expected, groups, strict=True))) == len(set(groups)) == len(set(expected))


def test_thousands_of_one_template_are_one_group() -> None:
    texts = [
        f"{'胃窦黏膜充血水肿，幽门圆形，开闭可。' * 3}{a}{b}"
        for a in ALPHABET[:50]
        for b in ALPHABET[:50]
    ]
    assert len(texts) > 1000
    assert not near_duplicate_groups(texts).any()


def test_groups_part_what_is_half_the_same() -> None:
    source = random.Random(4)
    pairs = []
    while len(pairs) < 200:
        one = source.choices(ALPHABET, k=40)
        other = one[:27] + source.choices(ALPHABET, k=13)
        if 0.4 < jaccard("".join(one), "".join(other)) < 0.55:
            pairs += ["".join(one), "".join(other)]
    assert len(set(near_duplicate_groups(pairs).tolist())) == len(pairs)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("距肛缘65cm见一息肉", "距肛缘18cm见一息肉", True),
        ("ＥＲＣＰ术后", "ercp术后", True),
        ("胃", "胃 ", True),
        ("胃", "肠", False),
        ("", " ", True),
        ("慢性胃炎", "慢性肠炎", False),
    ],
)
def test_digits_case_and_width_do_not_part_records(one: str, other: str, same: bool) -> None:
    groups = near_duplicate_groups([one, other])
    assert (groups[0] == groups[1]) == same


def test_no_texts_and_one_text_are_grouped() -> None:
    assert near_duplicate_groups([]).shape == (0,)
    assert near_duplicate_groups(["胃"]).tolist() == [0]


@pytest.mark.parametrize("seed", [0, 1, 42])
def test_a_split_is_8_1_1_and_whole_and_parts_no_family(seed: int) -> None:
    records, owners = families()
    splits = split(records, seed)
    assert tuple(splits) == SPLIT_NAMES
    assert Counter(records.texts) == Counter(t for part in splits.values() for t in part.texts)
    family = dict(zip(records.texts, owners, strict=True))
    seen = [{family[text] for text in part.texts} for part in splits.values()]
    assert [one & other for one, other in itertools.combinations(seen, 2)] == [set()] * 3
    for name, share in zip(SPLIT_NAMES, (0.8, 0.1, 0.1), strict=True):
        part = splits[name]
        assert len(part) / len(records) == pytest.approx(share, abs=0.03)
        counts = np.bincount(part.labels or ())
        assert counts / len(part) == pytest.approx(
            np.bincount(records.labels or ()) / len(records), abs=0.08
        )
        assert all(
            records.texts[line - 1] == text and (records.labels or ())[line - 1] == label
            for text, label, line in zip(part.texts, part.labels or (), part.lines, strict=True)
        )


def test_a_seed_gives_one_split_and_another_seed_another() -> None:
    records, _ = families()
    assert split(records, 7) == split(records, 7)
    assert places(split(records, 7)) != places(split(records, 8))


@pytest.mark.slow
def test_a_split_is_the_same_in_any_process() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_splitting import *;"
        "import hashlib;"
        "found = repr(sorted(places(split(families()[0], 7)).items()));"
        "print(hashlib.sha256(found.encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program, os.path.dirname(__file__)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(found) == 1
    assert len(found.pop().strip()) == 64


def test_what_was_split_before_stays_and_its_near_duplicates_follow() -> None:
    everything, owners = families()
    known = [i for i, owner in enumerate(owners) if owner < 150]
    first = split(everything.take(known), 1)
    earlier = earlier_splits(fingerprints(first))
    # New to the second file: other families, and one more of each family that was split.
    fresh = {owners[i]: f"{everything.texts[i][:-1]}呀" for i in known}
    records = Records(
        everything.texts + tuple(fresh.values()),
        (everything.labels or ()) + tuple(owner % 3 for owner in fresh),
        tuple(range(len(owners) + len(fresh))),
    )
    found = places(split(records, 99, earlier=earlier))
    before = places(first)
    assert {text: found[text] for text in before} == before
    assert all(
        found[text] == before[everything.texts[owners.index(o)]] for o, text in fresh.items()
    )
    assert set(Counter(found.values())) == set(SPLIT_NAMES)


def test_a_near_duplicate_of_test_and_train_goes_to_test() -> None:
    records, owners = families(60)
    torn = next(owner for owner, count in Counter(owners).items() if count == 4)
    members = [text for text, owner in zip(records.texts, owners, strict=True) if owner == torn]
    earlier = {fingerprint(members[0]): "train", fingerprint(members[1]): "test"}
    found = places(split(records, 1, earlier=earlier))
    assert [found[text] for text in members] == ["train", "test", "test", "test"]


@pytest.mark.parametrize("groups", [30, 6])
def test_holding_out_takes_a_tenth_or_one_of_few_groups(groups: int) -> None:
    records, owners = families(groups * 3)
    kept, held = hold_out(records, 5)
    assert Counter(kept.texts + held.texts) == Counter(records.texts)
    family = dict(zip(records.texts, owners, strict=True))
    assert not {family[t] for t in kept.texts} & {family[t] for t in held.texts}
    assert set(held.labels or ()) == {0, 1, 2}
    assert len(held) / len(records) == pytest.approx(1 / min(groups, 10), abs=0.07)
    assert hold_out(records, 5) == (kept, held)


def test_too_few_groups_are_refused_with_their_counts() -> None:
    records, owners = families(27)
    with pytest.raises(RecordsError, match=r"at least 10 records .*\{0: 9, 1: 9, 2: 9\}"):
        split(records, 1)
    only = records.take(i for i, owner in enumerate(owners) if owner % 3 == 0)
    with pytest.raises(RecordsError, match="Needs two labels or more"):
        hold_out(only, 1)
    one = records.take(i for i, owner in enumerate(owners) if owner in (0, 1, 4, 7))
    with pytest.raises(RecordsError, match="at least 2 records that are not near-duplicates"):
        hold_out(one, 1)


def test_splits_that_share_a_text_are_refused_with_its_lines() -> None:
    train = Records(("胃炎", "ＥＲＣＰ", "胃炎"), (1, 0, 1), (1, 2, 3))
    apart = {"train": train, "val": Records(("肠炎",), (2,), (1,)), "test": Records((), (), ())}
    check_apart(apart)
    with pytest.raises(RecordsError, match="in one split only") as caught:
        check_apart({**apart, "test": Records(("肺", " ercp"), (0, 0), (5, 6))})
    assert caught.value.problems == ["train line 2 is test line 6"]


def test_fingerprints_show_no_text_and_turn_round() -> None:
    assert fingerprint("ＥＲＣＰ 术") == fingerprint("ercp\u3000术 ") != fingerprint("ercp")
    stored = fingerprints({"train": Records(("胃", "肠"), (1, 2), (1, 2))})
    assert stored == {"train": sorted(stored["train"])}
    assert all(len(mark) == 16 and int(mark, 16) >= 0 for mark in stored["train"])
    assert earlier_splits(stored) == {fingerprint("胃"): "train", fingerprint("肠"): "train"}


def test_what_a_model_trained_on_is_known_or_taken_for_all() -> None:
    stored = {
        "train": [fingerprint("胃")],
        "val": [fingerprint("肠")],
        "test": [fingerprint("肺")],
        BASE: [fingerprint("肝")],
    }
    assert trained_on(stored, ["胃", "肺", "肠", "肝", "脑"]).tolist() == [1, 0, 1, 1, 0]
    assert trained_on({}, ["胃", "肺"]).tolist() == [True, True]
    assert trained_on(stored, []).shape == (0,)
    assert trained_on(stored, ["胃", "肠"], ("val", "test")).tolist() == [True, False]
    assert BASE not in earlier_splits(stored).values()


def test_one_sentence_says_that_a_model_was_trained_on_records_or_may_have_been() -> None:
    stored = {"train": [fingerprint("胃")], "val": [fingerprint("肠")]}
    assert trained_on_warning(stored, ["肺"], "r.csv") is None
    assert trained_on_warning(stored, ["肠", "肺"], "r.csv", ("val", "test")) is None
    assert trained_on_warning(stored, ["肠", "肺"], "r.csv") == (
        "1 of 2 records of r.csv were trained on, or chose the weights: figures on them flatter."
    )
    unknown = "The model does not say what it was trained on: figures may flatter."
    assert trained_on_warning({"test": [fingerprint("肺")]}, ["肺"], "r.csv") == unknown
    assert known_warning(0, 5, "r.csv") is None
