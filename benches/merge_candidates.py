"""Measures what each way of merging an adapter into 4-bit weights keeps of it. Run by hand, with Python packages torch,
transformers and peft:

    python merge_candidates.py HF_DIR train.jsonl test.jsonl [--adapter DIR | --save DIR] [--epochs N]

HF_DIR holds a base model in Hugging Face's format whose linear layers are on a grid of 4-bit blocks of 32 with a minimum
(the default model, converted from its Q4_1 file). Without --adapter one is trained: rank 8, all linear layers, loss on the
answers. The figures are nats a token on the answers of test.jsonl, and the share of the adapter's gain that is kept:

    rounded        W + BA rounded to new 4-bit blocks
    same grid      W + BA rounded to the levels that W has
    calibrated     as rounded, each column's error made good by those after it (GPTQ), on rows of the training data
    8 bits         W + BA in symmetric 8-bit blocks: twice the bytes
    pooled         the mean of BA over each block, added to the block's constant: no byte more, and exact in itself
    factors        B and A beside W: what `wayside adapters merge` writes
"""

import argparse
import json
import math
import random
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

BLOCK = 32
LONGEST = 512


def examples(path, tokenizer):
    """Tokens of each conversation, and where its last answer begins."""
    for line in path.read_text(encoding="utf-8").splitlines():
        messages = json.loads(line)["messages"]
        text = [tokenizer.apply_chat_template(m, tokenize=False, add_generation_prompt=g)
                for m, g in ((messages[:-1], True), (messages, False))]
        begin, tokens = (tokenizer(t, add_special_tokens=False)["input_ids"] for t in text)
        # What the template puts behind the mark that ends the answer is not part of it.
        while tokens and tokens[-1] != tokenizer.eos_token_id:
            tokens.pop()
        if len(begin) < len(tokens) <= LONGEST:
            yield torch.tensor(tokens), len(begin)


def nats(model, example):
    """The cost of an answer, all its tokens together."""
    tokens, begin = example
    logits = model(input_ids=tokens[None]).logits[0, begin - 1 : -1]
    return torch.nn.functional.cross_entropy(logits.float(), tokens[begin:], reduction="sum")


def measure(model, data):
    with torch.inference_mode():
        return sum(nats(model, e).item() for e in data) / sum(len(t) - b for t, b in data)


def train(model, data, epochs):
    linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=8, lora_alpha=16, target_modules=linears, task_type="CAUSAL_LM"))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=4e-4)
    batches = []
    for epoch in range(epochs):
        order = random.Random(epoch).sample(data, len(data))
        batches += [order[i : i + 8] for i in range(0, len(order), 8)]
    rate = lambda step: min((step + 1) / 3, (1 + math.cos(math.pi * step / len(batches))) / 2)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    for step, batch in enumerate(batches):
        learned = sum(len(t) - b for t, b in batch)
        for example in batch:
            (nats(model, example) / learned).backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        print(f"step {step + 1} of {len(batches)}", flush=True)
    return model


def grid(w):
    """Step and minimum of each 4-bit block of [rows, blocks, 32]."""
    low, high = w.amin(-1, keepdim=True), w.amax(-1, keepdim=True)
    return ((high - low) / 15).clamp_min(1e-12), low


def snap(w, step, low):
    return ((w - low) / step).round().clamp(0, 15) * step + low


def blocks(w):
    return w.view(w.shape[0], -1, BLOCK)


def rounded(w, change, _):
    new = blocks(w + change)
    return snap(new, *grid(new)).view_as(w)


def same_grid(w, change, _):
    return snap(blocks(w + change), *grid(blocks(w))).view_as(w)


def eight_bits(w, change, _):
    new = blocks(w + change)
    step = (new.abs().amax(-1, keepdim=True) / 127).clamp_min(1e-12)
    return ((new / step).round() * step).view_as(w)


def pooled(w, change, _):
    return w + blocks(change).mean(-1, keepdim=True).expand(-1, -1, BLOCK).reshape(w.shape)


def calibrated(w, change, second):
    new = w + change
    (step, low), new, out = grid(blocks(new)), new.clone(), torch.empty_like(new)
    second = second + 0.01 * second.diagonal().mean() * torch.eye(len(second))
    upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(second)), upper=True)
    for k in range(w.shape[1]):
        out[:, k] = snap(new[:, k], step[:, k // BLOCK, 0], low[:, k // BLOCK, 0])
        error = (new[:, k] - out[:, k]) / upper[k, k]
        new[:, k + 1 :] -= error[:, None] * upper[k, k + 1 :]
    return out


def second_moments(model, names, data):
    """The products of each linear layer's inputs with themselves, summed over the tokens of `data`."""
    sums = {}

    def add(name):
        def hook(_, inputs):
            x = inputs[0].flatten(0, -2)
            sums[name] = sums.get(name, 0) + x.T @ x
        return hook

    hooks = [model.get_submodule(n).register_forward_pre_hook(add(n)) for n in names]
    measure(model, data)
    for hook in hooks:
        hook.remove()
    return sums


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("hf_dir", metavar="HF_DIR")
    parser.add_argument("train", type=Path, metavar="train.jsonl")
    parser.add_argument("test", type=Path, metavar="test.jsonl")
    parser.add_argument("--adapter", metavar="DIR", help="take this one and train none")
    parser.add_argument("--save", metavar="DIR", help="where to keep the one that is trained")
    parser.add_argument("--epochs", type=int, default=2)
    given = parser.parse_args()

    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(given.hf_dir)
    learn, test = (list(examples(p, tokenizer)) for p in (given.train, given.test))
    model = AutoModelForCausalLM.from_pretrained(given.hf_dir, dtype=torch.float32)
    base = measure(model, test)
    wears = PeftModel.from_pretrained(model, given.adapter) if given.adapter else train(model, learn, given.epochs)
    wears.eval()
    if given.save:
        wears.save_pretrained(given.save)
    best = measure(wears, test)

    changes = {}
    for name, layer in wears.named_modules():
        if hasattr(layer, "get_delta_weight"):
            changes[name.removeprefix("base_model.model.")] = layer.get_delta_weight("default").detach()
    inputs = second_moments(wears, ["base_model.model." + n for n in changes], learn[:64])
    model = wears.unload()
    frozen = {n: model.get_submodule(n).weight.detach().clone() for n in changes}
    step = torch.cat([(grid(blocks(w))[0]).flatten() for w in frozen.values()]).mean()
    size = torch.cat([c.flatten() for c in changes.values()]).abs().mean()
    print(f"{len(test)} answers; the mean change is {size:.2e}, the mean step of the grid {step:.2e}")

    print(f"{'base':12} {base:.4f}")
    for way in (rounded, same_grid, calibrated, eight_bits, pooled):
        for name, w in frozen.items():
            model.get_submodule(name).weight.data = way(w, changes[name], inputs["base_model.model." + name])
        found = measure(model, test)
        print(f"{way.__name__.replace('_', ' '):12} {found:.4f}  {(base - found) / (base - best):7.1%}", flush=True)
    print(f"{'factors':12} {best:.4f}  {1:7.1%}")


if __name__ == "__main__":
    main()
