"""Masked-language pre-training as ``gi-classifier pretrain`` does it, in PyTorch's bfloat16.

In: text files and a vocabulary. Out: a Hugging Face directory of ``AlbertForMaskedLM`` that
``--base`` takes. Same passages, masks, batches, start and schedule as the command, several times as
fast on a processor with AMX or a GPU. Interrupted, the same call goes on. Needs torch and
transformers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from gi_classifier.data.passages import check_passages, read_passages
from gi_classifier.model.weights import LayerWeights
from gi_classifier.settings import AlbertConfig, PretrainingSettings
from gi_classifier.text import Vocabulary
from gi_classifier.training.initialisation import local_attention
from gi_classifier.training.pretrain import (
    Passage,
    epoch_batches,
    log_frequencies,
    masked_batch,
    passages,
)

# The parts of a layer in bert4keras' order, by transformers' names; kernels are transposed there.
_LAYER = "albert.encoder.albert_layer_groups.0.albert_layers.0"
_NAMES = {
    "Embedding-Token": ["albert.embeddings.word_embeddings.weight"],
    "Embedding-Segment": ["albert.embeddings.token_type_embeddings.weight"],
    "Embedding-Position": ["albert.embeddings.position_embeddings.weight"],
    "Embedding-Mapping": ["albert.encoder.embedding_hidden_mapping_in.weight"],
    "Transformer-MultiHeadSelfAttention": [
        f"{_LAYER}.attention.{part}.weight" for part in ("query", "key", "value", "dense")
    ],
    "Transformer-FeedForward": [f"{_LAYER}.ffn.weight", f"{_LAYER}.ffn_output.weight"],
}
_LOG_STEPS = 50
_LENGTHS, _COUNTS, _IGNORED = 8, 64, -100


def new_model(config: AlbertConfig, seed: int, bias: np.ndarray) -> Any:
    """``AlbertForMaskedLM`` that starts as :mod:`gi_classifier.training.initialisation` says."""
    import torch
    import transformers

    torch.manual_seed(seed)
    shape = config.to_dict() | {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = transformers.AlbertForMaskedLM(
        transformers.AlbertConfig(**shape, attn_implementation="eager")
    )
    state = model.state_dict()
    blank: LayerWeights = {}
    for layer, names in _NAMES.items():
        arrays = [state[name].numpy() for name in names]
        flat = layer.startswith("Transformer")
        # Biases stand between a layer's kernels in bert4keras' order.
        blank[layer] = [
            part for array in arrays for part in ([array.T, array[0]] if flat else [array])
        ]
    blank["Embedding-Mapping"] = [blank["Embedding-Mapping"][0].T]
    started = local_attention(blank, config, seed)
    for layer, names in _NAMES.items():
        kernels = started[layer][:: 2 if layer.startswith("Transformer") else 1]
        for name, kernel in zip(names, kernels, strict=True):
            turned = (
                kernel.T if state[name].shape != kernel.shape or "Transformer" in layer else kernel
            )
            state[name].copy_(torch.from_numpy(np.ascontiguousarray(turned)))
    state["predictions.bias"].copy_(torch.from_numpy(bias))
    model.load_state_dict(state)
    return model


def loss_of(model: Any, batch: tuple[np.ndarray, np.ndarray, np.ndarray], device: str) -> Any:
    """Mean cross-entropy of a batch's masked tokens, the head at the masked positions alone.

    Lengths and counts are padded to few different ones, since each costs a compiled kernel.
    """
    import torch

    ids, places, truth = batch
    ids = np.pad(ids, ((0, 0), (0, -ids.shape[1] % _LENGTHS)))
    more = -len(truth) % _COUNTS
    places = np.pad(places, ((0, more), (0, 0)))
    truth = np.pad(truth, (0, more), constant_values=_IGNORED)
    rows, columns, wanted, tokens = (
        torch.from_numpy(np.ascontiguousarray(part)).long().to(device)
        for part in (places[:, 0], places[:, 1], truth, ids)
    )
    with torch.autocast(device, dtype=torch.bfloat16):
        states = model.albert(tokens, attention_mask=(tokens > 0).long()).last_hidden_state
        logits = model.predictions(states[rows, columns])
    return torch.nn.functional.cross_entropy(logits.float(), wanted, ignore_index=_IGNORED)


def held_out_loss(
    model: Any,
    found: Sequence[Passage],
    vocabulary: Vocabulary,
    settings: PretrainingSettings,
    device: str,
) -> float:
    """Loss on passages that are not trained on, masks drawn from the seed: nats a token."""
    import torch

    batches = epoch_batches(np.array([len(p.ids) for p in found]), settings, 0)
    total, count = 0.0, 0
    with torch.no_grad():
        for number, rows in enumerate(batches):
            source = np.random.default_rng([settings.seed, 2, number])
            batch = masked_batch([found[i] for i in rows], vocabulary, settings, source)
            total += float(loss_of(model, batch, device)) * len(batch[2])
            count += len(batch[2])
    return total / count


def run(
    found: Sequence[Passage],
    held: Sequence[Passage],
    vocabulary: Vocabulary,
    settings: PretrainingSettings,
    output: Path,
    base: Path | None = None,
    most_steps: int | None = None,
) -> Any:
    """Take every step that a checkpoint beside ``output`` does not hold yet; return the model.

    ``base`` is the directory of an earlier run to start from; ``most_steps`` ends the schedule
    before its last epoch does.
    """
    import torch
    import transformers

    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = AlbertConfig(vocab_size=len(vocabulary))
    bias = log_frequencies(found, len(vocabulary))
    if base is None:
        model = new_model(config, settings.seed, bias)
    else:
        model = transformers.AlbertForMaskedLM.from_pretrained(base, attn_implementation="eager")
    model = model.to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.0, betas=(0.9, 0.98), fused=True)
    lengths = np.array([len(passage.ids) for passage in found])
    batches = [
        rows for epoch in range(settings.epochs) for rows in epoch_batches(lengths, settings, epoch)
    ][:most_steps]
    steps, done, recent = len(batches), 0, 0.0
    kept = output.with_name(f"{output.name}.training.pt")
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done, recent = state["step"], state["recent"]
    print(
        f"{len(found)} passages, {int(lengths.sum())} tokens, {steps} steps, on {device}",
        flush=True,
    )
    begun = time.time()
    for number in tqdm(range(done, steps), initial=done, total=steps, unit="step", disable=None):
        source = np.random.default_rng([settings.seed, 1, number])
        batch = masked_batch([found[i] for i in batches[number]], vocabulary, settings, source)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate_at(number, steps)
        loss = loss_of(model, batch, device)
        optimizer.zero_grad()
        loss.backward()
        loss = float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent = loss if not number else 0.99 * recent + 0.01 * loss
        if (number + 1) % _LOG_STEPS == 0:
            print(f"{time.time() - begun:.0f} s, step {number + 1}: loss {recent:.4f}", flush=True)
        if (number + 1) % settings.checkpoint_steps == 0 or number + 1 == steps:
            value = held_out_loss(model, held, vocabulary, settings, device)
            print(f"step {number + 1} of {steps}: held-out loss {value:.4f}", flush=True)
            draft = kept.with_name(f"{kept.name}.draft")
            states = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(states | {"step": number + 1, "recent": recent}, draft)
            os.replace(draft, kept)
    kept.unlink(missing_ok=True)
    return model


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", nargs="+", help="text files, one passage a line")
    parser.add_argument("--held-out", nargs="+", required=True, help="text that is not trained on")
    parser.add_argument("--vocabulary", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="the output of an earlier run, to go on from")
    parser.add_argument("--steps", type=int, help="end the schedule after so many steps")
    parser.add_argument("--set", action="append", default=[], help="NAME=VALUE, as in pretrain")
    args = parser.parse_args()
    told = {name: json.loads(value) for name, value in (one.split("=", 1) for one in args.set)}
    settings = PretrainingSettings.from_dict(told)
    vocabulary = Vocabulary.from_file(args.vocabulary)
    found, held = (
        passages(read_passages(check_passages(files)), vocabulary, settings.maxlen)
        for files in (args.corpora, args.held_out)
    )
    model = run(found, held, vocabulary, settings, args.output, args.base, args.steps)
    model.save_pretrained(args.output)
    (args.output / "vocab.txt").write_text(vocabulary.to_text(), encoding="utf-8")
    told = {"corpora": [Path(p).name for p in args.corpora], "base": args.base and args.base.name}
    told |= {"steps": args.steps, **dataclasses.asdict(settings)}
    (args.output / "origin.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
