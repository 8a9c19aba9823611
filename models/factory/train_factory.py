"""Trains the factory adapter: to answer from passages, under the prompts that `ask` shows.

    python train_factory.py --base FOLDER --data factory.jsonl --out models/factory

`--base` is the folder of the default model's part, with its GGUF file. Needs torch, transformers, gguf, accelerate and
safetensors. It is plain LoRA in PEFT's files, which `wayside train` makes as well; in bfloat16 on a processor with AMX
it takes a third of the time. On a busy machine set OMP_WAIT_POLICY=passive; MALLOC_MMAP_MAX_=0 and
MALLOC_TRIM_THRESHOLD_=100000000000 spare the system the pages of every step.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.quantization_config import GgufConfig

RANK, ALPHA = 8, 16
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
#: Tokens of a batch, and of the longest example.
BATCH, LONGEST = 1536, 700


class Lora(nn.Module):
    """A frozen linear layer and its update."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        self.a = nn.Parameter(torch.empty(RANK, base.in_features).uniform_(-1, 1) / math.sqrt(base.in_features))
        self.b = nn.Parameter(torch.zeros(base.out_features, RANK))

    def forward(self, x):
        update = F.linear(F.linear(x, self.a.to(x.dtype)), self.b.to(x.dtype))
        return self.base(x) + update * (ALPHA / RANK)


def wear(model):
    """Puts an update on every linear layer; gives them by PEFT's names."""
    updates = {}
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for number, layer in enumerate(model.model.layers):
        for part in ("self_attn", "mlp"):
            parent = getattr(layer, part)
            for target in TARGETS:
                if hasattr(parent, target):
                    update = Lora(getattr(parent, target))
                    setattr(parent, target, update)
                    updates[f"base_model.model.model.layers.{number}.{part}.{target}"] = update
    return updates


def examples(path, tokenizer):
    """Token ids of every conversation, and where its answer begins."""
    made = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        *shown, answer = json.loads(line)["messages"]
        turns = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in shown)
        encode = lambda text: tokenizer(text, add_special_tokens=False).input_ids
        prompt = encode(turns + "<|im_start|>assistant\n")
        reply = encode(answer["content"] + "<|im_end|>")
        if len(prompt) + len(reply) <= LONGEST:
            made.append((prompt + reply, len(prompt)))
    return made


def batches(made, rng):
    """Batches of like length in random order."""
    order = sorted(range(len(made)), key=lambda i: (len(made[i][0]) // 16, rng.random()))
    cut, current = [], []
    for i in order:
        if current and (len(current) + 1) * len(made[i][0]) > BATCH:
            cut.append(current)
            current = []
        current.append(i)
    cut.append(current)
    rng.shuffle(cut)
    return cut


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--lr", type=float, default=4e-4)
    parser.add_argument("--minutes", type=float, default=60, help="training ends by then, whatever is left")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    rng = random.Random(1)
    file = next(Path(args.base).glob("*.gguf")).name
    tokenizer = AutoTokenizer.from_pretrained(args.base, gguf_file=file)
    model = AutoModelForCausalLM.from_pretrained(
        args.base, gguf_file=file, quantization_config=GgufConfig(dequantize=True), dtype=torch.bfloat16)
    updates = wear(model)
    trained = [p for u in updates.values() for p in (u.a, u.b)]
    made = examples(args.data, tokenizer)
    plan = batches(made, rng)
    print(f"{len(made)} examples, {len(plan)} steps", flush=True)
    optimiser = torch.optim.AdamW(trained, lr=args.lr, weight_decay=0.0)
    begin, mean = time.time(), None
    for step, chosen in enumerate(plan):
        done = max(step / len(plan), (time.time() - begin) / (60 * args.minutes))
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = args.lr * min(1, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * done))
        width = max(len(made[i][0]) for i in chosen)
        ids = torch.zeros(len(chosen), width, dtype=torch.long)
        mask, learned = torch.zeros_like(ids), torch.zeros(len(chosen), width, dtype=torch.bool)
        for row, i in enumerate(chosen):
            tokens, start = made[i]
            ids[row, : len(tokens)] = torch.tensor(tokens)
            mask[row, : len(tokens)] = 1
            learned[row, start : len(tokens)] = True
        hidden = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        # Only what is learned goes through the vocabulary.
        logits = model.lm_head(hidden[:, :-1][learned[:, 1:]]).float()
        loss = F.cross_entropy(logits, ids[:, 1:][learned[:, 1:]])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        mean = loss.item() if mean is None else 0.95 * mean + 0.05 * loss.item()
        if step % 20 == 0:
            print(f"step {step + 1}/{len(plan)} loss {mean:.3f} {time.time() - begin:.0f} s", flush=True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, update in updates.items():
        tensors[f"{name}.lora_A.weight"] = update.a.detach().half().contiguous()
        tensors[f"{name}.lora_B.weight"] = update.b.detach().half().contiguous()
    save_file(tensors, out / "adapter_model.safetensors", metadata={"format": "pt"})
    config = {
        "alpha_pattern": {}, "base_model_name_or_path": "smollm2-135m-instruct", "bias": "none", "fan_in_fan_out": False,
        "inference_mode": True, "init_lora_weights": True, "lora_alpha": ALPHA, "lora_bias": False, "lora_dropout": 0,
        "modules_to_save": None, "peft_type": "LORA", "r": RANK, "rank_pattern": {}, "target_modules": TARGETS,
        "task_type": "CAUSAL_LM", "use_dora": False, "use_rslora": False,
    }
    (out / "adapter_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
