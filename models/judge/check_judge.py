"""Checks a judge file against its golden pairs, reading it as its format says.

    python check_judge.py --base DIR --judge DIR

Independent of the training code, so that an error in `export` cannot hide itself.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch.nn import functional as F


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True, type=Path, help="folder of the base model")
    parser.add_argument("--judge", required=True, type=Path, help="folder with judge.safetensors and golden.json")
    args = parser.parse_args()

    with safe_open(args.judge / "judge.safetensors", "pt") as file:
        assert file.metadata() == {"base": "all-MiniLM-L6-v2", "format": "1"}, file.metadata()
    weights = {k: v.float() if v.is_floating_point() else v for k, v in load_file(args.base / "model.safetensors").items()}
    change = {k: v.float() for k, v in load_file(args.judge / "judge.safetensors").items()}
    for name, tensor in change.items():
        if name.endswith(".lora_A"):
            stem = name.removesuffix(".lora_A")
            weights[stem + ".weight"] = weights[stem + ".weight"] + change[stem + ".lora_B"] @ tensor
        elif not name.endswith(".lora_B"):
            assert name.startswith("head.") or weights[name].shape == tensor.shape, name
            weights[name] = tensor
    config = json.loads((args.base / "config.json").read_text())
    heads, width = config["num_attention_heads"], config["hidden_size"]

    def linear(name, x):
        return F.linear(x, weights[name + ".weight"], weights[name + ".bias"])

    def norm(name, x):
        return F.layer_norm(x, (width,), weights[name + ".weight"], weights[name + ".bias"], config["layer_norm_eps"])

    def logit(ids, types):
        n = len(ids)
        x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:n]
        x = norm("embeddings.LayerNorm", x + weights["embeddings.token_type_embeddings.weight"][types])
        for i in range(config["num_hidden_layers"]):
            at = f"encoder.layer.{i}."
            q, k, v = (
                linear(f"{at}attention.self.{part}", x).view(n, heads, -1).transpose(0, 1)
                for part in ("query", "key", "value")
            )
            mixed = (q @ k.transpose(1, 2) / (width // heads) ** 0.5).softmax(-1) @ v
            mixed = mixed.transpose(0, 1).reshape(n, width)
            x = norm(at + "attention.output.LayerNorm", x + linear(at + "attention.output.dense", mixed))
            inner = F.gelu(linear(at + "intermediate.dense", x))
            x = norm(at + "output.LayerNorm", x + linear(at + "output.dense", inner))
        return float(linear("head", x[0]))

    tokenizer = Tokenizer.from_file(str(args.base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(96, strategy="only_second")
    worst = 0.0
    for pair in json.loads((args.judge / "golden.json").read_text(encoding="utf-8")):
        encoded = tokenizer.encode(pair["question"], pair["unit"])
        assert encoded.ids == pair["ids"] and encoded.type_ids == pair["types"], pair["question"]
        worst = max(worst, abs(logit(pair["ids"], pair["types"]) - pair["logit"]))
    print(f"largest difference of a logit: {worst:.2e}")
    assert worst < 1e-3


if __name__ == "__main__":
    main()
