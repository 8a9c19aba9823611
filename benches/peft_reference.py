"""Trains a LoRA adapter with PyTorch and PEFT on batches that were written down, to hold a loss curve of ours against.
Run by hand, with Python packages torch, transformers and peft:

    python peft_reference.py HF_DIR ADAPTER BATCHES.jsonl [--steps N] [--save DIR] > losses.jsonl

HF_DIR holds the base model in Hugging Face's format, ADAPTER the initial adapter in PEFT's: same start. BATCHES.jsonl is
one optimizer step a line: same data in the same order.

    {"step": 1, "lr": 0.0004, "tokens": [[1, 4093, ...], ...], "labels": [[-100, -100, 284, ...], ...]}

Sequences may differ in length. Labels are in Hugging Face's convention, not shifted: label i is token i where it is to be
predicted from those before it, and -100 where it is not. A step's loss is the mean over all labels of its batch.

Everything is float32. AdamW with betas 0.9 and 0.999, epsilon 1e-8 and weight decay 0.01; gradients are clipped to a
global norm of 1. One JSON line a step: the loss before the update, and the norm before clipping.
"""

import argparse
import json
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

IGNORED = -100


def labelled(tokens, labels, step):
    """A sequence as tensors, if it is one that can be learned from."""
    if len(tokens) != len(labels) or any(l not in (IGNORED, t) for t, l in zip(tokens, labels)):
        raise SystemExit(f"step {step}: labels must be the tokens, not shifted, or {IGNORED}")
    return torch.tensor([tokens]), torch.tensor(labels[1:])


def backward(model, sequences):
    """Adds the gradients of a batch; returns its loss. Sequences go through one by one: no padding, little memory."""
    learned = sum(int((labels != IGNORED).sum()) for _, labels in sequences)
    total = 0.0
    for tokens, labels in sequences:
        logits = model(input_ids=tokens).logits[0, :-1]
        loss = torch.nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum") / learned
        loss.backward()
        total += loss.item()
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hf_dir", metavar="HF_DIR")
    parser.add_argument("adapter", metavar="ADAPTER")
    parser.add_argument("batches", type=Path, metavar="BATCHES.jsonl")
    parser.add_argument("--steps", type=int, metavar="N", help="only the first N steps")
    parser.add_argument("--save", metavar="DIR", help="write the adapter that was trained")
    given = parser.parse_args()

    base = AutoModelForCausalLM.from_pretrained(given.hf_dir, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, given.adapter, is_trainable=True)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.0, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    with given.batches.open(encoding="utf-8") as lines:
        for row in [json.loads(line) for line in lines if line.strip()][: given.steps]:
            pairs = zip(row["tokens"], row["labels"], strict=True)
            loss = backward(model, [labelled(tokens, labels, row["step"]) for tokens, labels in pairs])
            norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            for group in optimizer.param_groups:
                group["lr"] = row["lr"]
            optimizer.step()
            optimizer.zero_grad()
            print(json.dumps({"step": row["step"], "loss": loss, "grad_norm": norm.item()}), flush=True)
    if given.save:
        model.save_pretrained(given.save)


if __name__ == "__main__":
    main()
