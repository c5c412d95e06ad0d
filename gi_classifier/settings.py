"""Every setting of a classifier in one frozen dataclass, and the encoder's published config.

In: keyword arguments or JSON. Out: validated, immutable values, written beside the weights.
All problems are collected and raised once, as :class:`~gi_classifier.errors.SettingsError`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from gi_classifier.errors import SettingsError
from gi_classifier.labels import label_number, names_for
from gi_classifier.option_checks import (
    choice_problem,
    integer_problem,
    is_integer,
    is_number,
    range_problem,
)

WindowRule = Literal["evidence", "mean"]
InitialBias = Literal["prior", "zero"]
Use = Literal["both", "albert", "linear"]
USES: tuple[str, ...] = get_args(Use)
EngineName = Literal["fp32", "int8", "openvino"]


# A recipe for a few hundred records: more and smaller steps, and time to learn.
FEW_RECORDS = {
    "batch_size": 16,
    "learning_rate": 3e-4,
    "warmup_steps": 20,
    "decay_steps": 300,
    "epochs": 20,
    "patience": 20,
}


@dataclass(frozen=True)
class Settings:
    """How a classifier is built, trained and read; the defaults are the reference's recipe.

    Parameters
    ----------
    num_classes : int
        Number of labels, 2 or more; labels are the integers from 0 up, without a gap.
    label_names : tuple of str, optional
        One name for each label.
    maxlen : int
        Tokens in one window, [CLS] and [SEP] included; longer texts take several windows.
    overlap : int, optional
        Tokens that two neighbouring windows share; without, a quarter of ``maxlen``.
    use : {"both", "albert", "linear"}
        The members that answer, see :mod:`gi_classifier.model.fusion`; a model without a linear
        member answers by ALBERT alone.
    engine : {"fp32", "int8", "openvino"}, optional
        What computes ALBERT's answers; without, what the export found fit. What the others answer
        depends on the processor: ``gi-classifier engines`` measures it.
    window_rule : {"evidence", "mean"}
        How the windows of a long text are weighed, see
        :func:`gi_classifier.model.windows.window_weights`.
        "evidence" takes label 0 for the background; choose "mean" where it is a class like others.
    batch_size : int
        Records in one training step.
    epochs : int
        At most so many passes over the training records.
    learning_rate, final_learning_rate : float
        The rate rises from 0 to ``learning_rate`` over ``warmup_steps`` steps, falls linearly to
        ``final_learning_rate`` at step ``decay_steps``, and stays there.
    warmup_steps, decay_steps : int
        Steps, counted from the start of training.
    patience : int
        Epochs without a lower validation loss after which training stops.
    adversarial_epsilon : float
        Size of the FGM perturbation of the embeddings (Miyato et al. 2017); 0 is off, the
        reference's value is 0.5.
    gradient_penalty : float
        Weight of the squared gradient with respect to the embeddings; 0 is off,
        the reference's value is 1.
    class_weight : "balanced", mapping or tuple of float, optional
        Weight of each class in the loss: a mapping has labels by number or name, 1 where it has
        none, and is kept as a tuple in their order.
    initial_bias : {"prior", "zero"}
        Where a fresh head's bias begins: at the log of each class's share of the training records,
        weighted and smoothed as the loss does, or at 0. A head that is trained further keeps its
        own.
    label_smoothing : float
        Share d of each label's mass spread over all C labels, in [0, 1): the record's own is taught
        as 1 - d + d/C, each other as d/C.
    dropout : float
        Dropout rate inside the encoder, in [0, 1).
    token_dropout : float
        Share of training tokens replaced by [MASK] (word dropout, Iyyer et al. 2015), in [0, 1).
    ema_momentum : float
        Keep an exponential moving average of the weights (Polyak and Juditsky 1992), of which this
        share stays at each step, in [0, 1); 0 is off. It begins at what training starts from.
    unlabelled_pieces : int
        Of unlabelled text, so many pieces at most for each label that its teacher gives, see
        :mod:`gi_classifier.training.distil`.
    teacher_confidence : float
        The teacher's probability from which a piece is learnt from, in [0, 1).
    bfloat16 : bool
        Compute the products of training in bfloat16, which is faster where the processor has it;
        weights, validation and what is exported stay float32.
    seed : int
        The one source of every random choice.

    Raises
    ------
    SettingsError
        With every bad value at once.
    LabelError
        ``class_weight`` has a label that there is not.

    Examples
    --------
    >>> from gi_classifier import Settings
    >>> Settings(epochs=5, label_names=("均非", "上", "下")).names
    ('均非', '上', '下')
    >>> Settings(epochs=0)
    Traceback (most recent call last):
    gi_classifier.errors.SettingsError: These settings cannot be used:
      epochs must be an integer of at least 1. Received: 0
    """

    num_classes: int = 3
    label_names: tuple[str, ...] | None = None
    maxlen: int = 200
    overlap: int | None = None
    use: Use = "both"
    engine: EngineName | None = None
    window_rule: WindowRule = "evidence"
    batch_size: int = 128
    epochs: int = 100
    learning_rate: float = 1e-4
    final_learning_rate: float = 1e-5
    warmup_steps: int = 1000
    decay_steps: int = 2000
    patience: int = 3
    adversarial_epsilon: float = 0.0
    gradient_penalty: float = 0.0
    class_weight: Literal["balanced"] | tuple[float, ...] | Mapping[Any, float] | None = None
    initial_bias: InitialBias = "prior"
    label_smoothing: float = 0.0
    dropout: float = 0.0
    token_dropout: float = 0.0
    ema_momentum: float = 0.0
    unlabelled_pieces: int = 10_000
    teacher_confidence: float = 0.9
    bfloat16: bool = False
    seed: int = 42

    def __post_init__(self) -> None:
        _plain_values(self)
        problems = [problem for problem in self._problems() if problem]
        if problems:
            raise SettingsError("These settings cannot be used:", problems)
        if isinstance(self.class_weight, Mapping):
            weights = [1.0] * self.num_classes
            for label, weight in self.class_weight.items():
                weights[label_number(label, self.names)] = float(weight)
            object.__setattr__(self, "class_weight", tuple(weights))

    def _problems(self) -> Iterator[str | None]:
        whole = {"num_classes": 2, "maxlen": 4, "batch_size": 1, "epochs": 1}
        whole |= {} if self.overlap is None else {"overlap": 0}
        whole |= {"warmup_steps": 0, "decay_steps": 0, "patience": 1, "seed": 0}
        whole |= {"unlabelled_pieces": 1}
        for name, least in whole.items():
            yield integer_problem(name, getattr(self, name), least)
        real = {"learning_rate": math.inf, "final_learning_rate": math.inf, "dropout": 1.0}
        real |= {"label_smoothing": 1.0, "adversarial_epsilon": math.inf}
        real |= {"gradient_penalty": math.inf, "token_dropout": 1.0, "teacher_confidence": 1.0}
        real |= {"ema_momentum": 1.0}
        for name, limit in real.items():
            yield range_problem(name, getattr(self, name), 0, limit, open_high=True)
        yield choice_problem("use", self.use, USES)
        if not isinstance(self.bfloat16, bool):
            yield f"bfloat16 must be True or False. Received: {self.bfloat16!r}"
        if self.engine is not None:
            yield choice_problem("engine", self.engine, get_args(EngineName))
        yield choice_problem("window_rule", self.window_rule, ("evidence", "mean"))
        yield choice_problem("initial_bias", self.initial_bias, ("prior", "zero"))
        yield from self._problems_together()

    def _problems_together(self) -> Iterator[str]:
        if _are_integers(self.maxlen, self.window_overlap) and (
            self.window_overlap > (self.maxlen - 2) // 2
        ):
            yield (
                "overlap must be at most half a window, (maxlen - 2) // 2. "
                f"Received: overlap={self.overlap}, maxlen={self.maxlen}"
            )
        names, weight = self.label_names, self.class_weight
        if names is not None and (
            not isinstance(names, tuple)
            or not all(isinstance(name, str) and name.strip() for name in names)
            or len(set(names)) != self.num_classes
            or len(names) != self.num_classes
        ):
            yield f"label_names must be {self.num_classes} different names. Received: {names!r}"
        if isinstance(weight, str) or weight is None:
            if weight not in (None, "balanced"):
                yield f"class_weight must be 'balanced' or numbers. Received: {weight!r}"
        elif isinstance(weight, Mapping):
            if not all(is_number(one) and one > 0 for one in weight.values()):
                yield f"class_weight must have positive numbers. Received: {weight!r}"
        elif (
            not isinstance(weight, tuple)
            or len(weight) != self.num_classes
            or not all(is_number(one) and one > 0 for one in weight)
        ):
            yield (
                f"class_weight must be {self.num_classes} positive numbers. Received: {weight!r}"
            )
        steps = (self.warmup_steps, self.decay_steps)
        if _are_integers(*steps) and self.decay_steps < self.warmup_steps:
            yield (
                "decay_steps must not come before warmup_steps. "
                f"Received: {self.decay_steps} and {self.warmup_steps}"
            )

    @property
    def window_overlap(self) -> int:
        """Tokens that two neighbouring windows share: as set, or a quarter of ``maxlen``."""
        if self.overlap is None and is_integer(self.maxlen):
            return self.maxlen // 4
        return self.overlap  # type: ignore[return-value]

    @property
    def names(self) -> tuple[str, ...]:
        """One name for each label, given or default."""
        return names_for(self.num_classes, self.label_names)

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step, counted from 0: piecewise linear, as the fields say."""
        if step < self.warmup_steps:
            return self.learning_rate * step / self.warmup_steps
        if step >= self.decay_steps:
            return self.final_learning_rate
        done = (step - self.warmup_steps) / (self.decay_steps - self.warmup_steps)
        return self.learning_rate + done * (self.final_learning_rate - self.learning_rate)

    def to_dict(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Settings:
        """Build from a mapping; an unknown name is an error, not ignored."""
        return cls(**_known(cls, table))


def _known(kind: Any, table: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the table, or raise where it has a name that the dataclass lacks."""
    names = [field.name for field in dataclasses.fields(kind)]
    unknown = sorted(set(table) - set(names))
    if unknown:
        raise SettingsError(
            f"No such settings; there are {', '.join(names)}. Received: {', '.join(unknown)}"
        )
    return table


@dataclass(frozen=True)
class PretrainingSettings:
    """How pre-training runs.

    Parameters
    ----------
    epochs : int
        Passes over the text; each masks other words.
    maxlen : int
        Tokens in one passage, [CLS] and [SEP] included; longer lines are cut into several.
    batch_tokens : int
        Padded tokens in one step.
    learning_rate : float
        Rises from 0 over ``warmup_steps`` steps, then falls linearly to 0 at the end.
    warmup_steps : int
    mask_share : float
        Share of tokens masked, in (0, 1).
    checkpoint_steps : int
        Steps between checkpoints.
    seed : int
    """

    epochs: int = 3
    maxlen: int = 200
    batch_tokens: int = 4096
    learning_rate: float = 1e-3
    warmup_steps: int = 500
    mask_share: float = 0.15
    checkpoint_steps: int = 200
    seed: int = 42

    def __post_init__(self) -> None:
        _plain_values(self)
        least = {"epochs": 1, "maxlen": 4, "batch_tokens": 1, "warmup_steps": 0}
        least |= {"checkpoint_steps": 1, "seed": 0}
        found = [integer_problem(name, getattr(self, name), low) for name, low in least.items()]
        rate, share = self.learning_rate, self.mask_share
        found += [
            range_problem("learning_rate", rate, 0, math.inf, open_low=True, open_high=True),
            range_problem("mask_share", share, 0, 1, open_low=True, open_high=True),
        ]
        if problems := [problem for problem in found if problem]:
            raise SettingsError("These pre-training settings cannot be used:", problems)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Learning rate of a step, counted from 0, of so many in all."""
        rise = (step + 1) / max(1, self.warmup_steps)
        fall = (steps - step) / max(1, steps - self.warmup_steps)
        return self.learning_rate * min(rise, fall, 1.0)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> PretrainingSettings:
        """Build from a mapping; an unknown name is an error, not ignored."""
        return cls(**_known(cls, table))


def _plain_values(settings: Any) -> None:
    """Turn lists into tuples and NumPy's numbers into Python's, which JSON holds."""
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, list) and field.name in ("label_names", "class_weight"):
            value = tuple(value)
        if isinstance(value, tuple):
            value = tuple(one.item() if isinstance(one, np.generic) else one for one in value)
        elif is_integer(value):
            value = int(value)
        elif is_number(value):
            value = float(value)
        object.__setattr__(settings, field.name, value)


def _are_integers(*values: Any) -> bool:
    return all(map(is_integer, values))


@dataclass(frozen=True)
class AlbertConfig:
    """Shape of the encoder, in the names of the published ``albert_config.json``.

    ``embedding_size`` None means that the embedding is not factorised. The defaults are
    ALBERT-tiny with this library's own vocabulary size left open. ``hidden_act`` "gelu" is the
    exact one (by the error function, as in bert4keras), "gelu_new" its approximation by tanh.
    """

    vocab_size: int
    hidden_size: int = 312
    num_hidden_layers: int = 4
    num_attention_heads: int = 12
    intermediate_size: int = 1248
    embedding_size: int | None = 128
    max_position_embeddings: int = 512
    hidden_act: str = "gelu"

    def __post_init__(self) -> None:
        _plain_values(self)
        problems = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "hidden_act":
                if value not in ("gelu", "gelu_new", "relu", "tanh", "linear"):
                    problems.append(f"hidden_act is not known. Received: {value!r}")
            elif not (value is None and field.name == "embedding_size") and (
                problem := integer_problem(field.name, value, 1)
            ):
                problems.append(problem)
        if not problems and self.hidden_size % self.num_attention_heads:
            problems.append(
                "hidden_size must be a multiple of num_attention_heads. "
                f"Received: {self.hidden_size} and {self.num_attention_heads}"
            )
        if problems:
            raise SettingsError("This encoder config cannot be used:", problems)

    def to_dict(self) -> dict[str, Any]:
        """Every field, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> AlbertConfig:
        """Build from a published config; fields that this encoder does not use are passed over."""
        known = {field.name for field in dataclasses.fields(cls)}
        if "vocab_size" not in table:
            raise SettingsError("The encoder config holds no vocab_size.")
        return cls(**{"embedding_size": None, **{k: v for k, v in table.items() if k in known}})

    @classmethod
    def from_file(cls, path: Path) -> AlbertConfig:
        """Read a published ``albert_config.json``."""
        try:
            table = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SettingsError(f"{path} is not JSON: {error}") from error
        if not isinstance(table, dict):
            raise SettingsError(f"{path} holds no JSON object.")
        return cls.from_dict(table)
