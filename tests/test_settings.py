from __future__ import annotations

import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gi_classifier.errors import LabelError, SettingsError
from gi_classifier.settings import FEW_RECORDS, AlbertConfig, PretrainingSettings, Settings


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0), (500, 5e-5), (1000, 1e-4), (1500, 5.5e-5), (2000, 1e-5), (3000, 1e-5)],
)
def test_the_default_rate_is_the_reference_s(step: int, rate: float) -> None:
    assert Settings().learning_rate_at(step) == pytest.approx(rate, rel=1e-12)


def test_without_warmup_or_decay_the_rate_starts_at_its_top_or_its_end() -> None:
    assert Settings(warmup_steps=0).learning_rate_at(0) == 1e-4
    assert Settings(warmup_steps=0, decay_steps=0).learning_rate_at(0) == 1e-5
    assert Settings(warmup_steps=10, decay_steps=10).learning_rate_at(10) == 1e-5


def test_the_defaults_are_the_reference_s_recipe() -> None:
    found = Settings()
    assert (found.batch_size, found.maxlen, found.patience) == (128, 200, 3)
    assert (found.adversarial_epsilon, found.gradient_penalty, found.num_classes) == (0, 0, 3)
    assert found.names == ("neither 均非", "upper 上消化道", "lower 下消化道")


BAD: dict[str, list[Any]] = {
    "num_classes": [1, 0, 3.0, "3", True, None],
    "maxlen": [3, None, "200"],
    "overlap": [-1, 100, 1.5],
    "window_rule": ["max", None, []],
    "batch_size": [0, "big"],
    "epochs": [0, 1.0],
    "learning_rate": [-1e-4, math.inf, math.nan, "1e-4", None, True],
    "final_learning_rate": [-1.0, math.nan],
    "warmup_steps": [-1, 2001, "10", None],
    "decay_steps": [-1, 999, "2000", None],
    "patience": [0, None],
    "adversarial_epsilon": [-0.5, math.inf],
    "gradient_penalty": [-1, "on"],
    "class_weight": ["even", (1.0, 2.0), (1, 1, 0), (1, 1, math.nan), (1, 1, "1"), 2.0, {0: -1}],
    "label_names": [("a", "b"), ("a", "b", "b"), ("a", "b", " "), ("a", "b", 3), "abc", ()],
    "initial_bias": ["none", 0, None],
    "label_smoothing": [1.0, -0.1],
    "dropout": [1, -0.1, None],
    "token_dropout": [1, -0.1, None],
    "ema_momentum": [1, -0.1, None],
    "unlabelled_pieces": [0, 1.5],
    "teacher_confidence": [1, -0.1, "x"],
    "bfloat16": [1, None, "yes"],
    "seed": [-1, None, 1.5],
    "use": ["neither", None, []],
    "engine": ["keras", 8, []],
}


def test_every_setting_is_checked() -> None:
    assert set(BAD) == {field.name for field in dataclasses.fields(Settings)}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD.items() for value in values]
)
def test_a_bad_value_is_named_and_shown(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        Settings(**{name: value})
    assert (str(value) if name in ("warmup_steps", "decay_steps") else repr(value)) in str(
        caught.value
    )


def test_all_bad_values_are_named_at_once() -> None:
    table = {name: values[0] for name, values in BAD.items()}
    with pytest.raises(SettingsError, match="cannot be used") as caught:
        Settings(**table)
    named = {problem.split(" must")[0] for problem in caught.value.problems}
    assert named == set(BAD)


@pytest.mark.parametrize(
    "table",
    [
        {"maxlen": 4, "overlap": 1},
        {"num_classes": 2, "label_names": ["否", "是"], "class_weight": [1, 2.5]},
        {"class_weight": "balanced", "learning_rate": 0, "dropout": 0.99, "window_rule": "mean"},
    ],
)
def test_settings_survive_json(table: dict[str, Any]) -> None:
    found = Settings.from_dict(json.loads(json.dumps(Settings(**table).to_dict())))
    assert found == Settings(**table)
    assert hash(found) == hash(Settings(**table))


@pytest.mark.parametrize("kind", [Settings, PretrainingSettings])
def test_unknown_names_are_refused_with_those_that_there_are(kind: Any) -> None:
    with pytest.raises(SettingsError, match=r"there are .*epochs.*Received: batchsize, max_len"):
        kind.from_dict({"max_len": 3, "batchsize": 4, "epochs": 2})
    assert kind.from_dict({"epochs": 2}).epochs == 2


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().epochs = 3  # type: ignore[misc]


def test_all_bad_pretraining_values_are_named_at_once() -> None:
    with pytest.raises(SettingsError, match="pre-training settings") as caught:
        PretrainingSettings(
            epochs=0, maxlen=3, batch_tokens=0, learning_rate=0, mask_share=1, seed=-1
        )
    for name in ("epochs", "maxlen", "batch_tokens", "learning_rate", "mask_share", "seed"):
        assert f"  {name} must" in str(caught.value)


def test_the_pretraining_rate_rises_then_falls_to_nothing() -> None:
    found = PretrainingSettings(learning_rate=1.0, warmup_steps=10)
    rates = [found.learning_rate_at(step, 100) for step in range(101)]
    assert rates.index(max(rates)) in (9, 10)
    assert max(rates) == 1
    assert rates[100] == 0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


PUBLISHED = {
    "attention_probs_dropout_prob": 0.0,
    "hidden_act": "gelu",
    "hidden_size": 312,
    "embedding_size": 128,
    "intermediate_size": 1248,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 4,
    "type_vocab_size": 2,
    "vocab_size": 21128,
}


def test_a_published_config_is_read(tmp_path: Path) -> None:
    path = tmp_path / "albert_config.json"
    path.write_text(json.dumps(PUBLISHED), encoding="utf-8")
    found = AlbertConfig.from_file(path)
    assert found == AlbertConfig(vocab_size=21128)
    assert AlbertConfig.from_dict(found.to_dict()) == found


def test_a_config_without_embedding_size_is_not_factorised() -> None:
    table = {name: value for name, value in PUBLISHED.items() if name != "embedding_size"}
    assert AlbertConfig.from_dict(table).embedding_size is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "holds no JSON object"),
        ("{}", "holds no vocab_size"),
        ('{"vocab_size": 0, "hidden_act": "swish"}', r"vocab_size must(.|\n)*hidden_act is not"),
        ('{"vocab_size": 9, "hidden_size": 313}', "multiple of num_attention_heads"),
        ('{"vocab_size": 9, "hidden_size": "312"}', "hidden_size must be an integer of at least 1"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "albert_config.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match=message):
        AlbertConfig.from_file(path)


def test_class_weight_is_what_scikit_learn_takes_with_labels_by_number_or_name() -> None:
    assert Settings(class_weight={1: np.int64(3), "下消化道": 2}).class_weight == (1.0, 3.0, 2.0)
    named = Settings(num_classes=2, label_names=("否", "是"), class_weight={"是": 4})
    assert named.class_weight == (1.0, 4.0)
    assert json.loads(json.dumps(Settings(class_weight=np.array([1, 2, 3]).tolist()).to_dict()))
    assert Settings(class_weight=(np.int64(1), 2, 3)).to_dict()["class_weight"] == (1, 2, 3)
    with pytest.raises(LabelError, match="No such label"):
        Settings(class_weight={3: 1})


def test_the_recipe_for_few_records_is_the_one_that_the_readmes_show() -> None:
    for name in ("README.md", "README.zh.md"):
        text = (Path(__file__).parent.parent / name).read_text(encoding="utf-8")
        shown = dict(re.findall(r"--set\s+(\w+)=([\de.-]+)", text))
        shown.pop("num_classes")
        assert {key: float(value) for key, value in shown.items()} == FEW_RECORDS
    recipe = Settings.from_dict(FEW_RECORDS)
    assert recipe.patience >= recipe.epochs
