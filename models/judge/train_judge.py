"""Trains the judge: how surely does a unit of text answer a question?

The judge is the MiniLM sentence encoder read as a cross-encoder: question and unit go
in together, `[CLS] question [SEP] unit [SEP]`, and a linear head over the `[CLS]` vector
gives one logit. What is shipped is only the difference to the encoder that is there
anyway: low-rank updates of the linear layers, and the few small tensors that are
trained whole. The file is described at `export`.

    python train_judge.py --base DIR --organisations DIR --squad FILE... --out DIR

`--base` holds `model.safetensors`, `config.json` and `tokenizer.json` of
all-MiniLM-L6-v2. Needs torch, transformers, tokenizers, safetensors and numpy.
On a machine that is busy otherwise set OMP_WAIT_POLICY=passive: threads that spin while
they wait for each other made training four times slower beside a compiler.
"""

import argparse
import contextlib
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from torch.nn import functional as F
from transformers import BertConfig, BertModel

import data

MAX_LENGTH = 96
LORA_LAYERS = (
    "attention.self.query", "attention.self.key", "attention.self.value",
    "attention.output.dense", "intermediate.dense", "output.dense",
)


class LoraLinear(nn.Module):
    """A frozen linear layer with a trained update of low rank: W x + B (A x)."""

    def __init__(self, base, rank):
        super().__init__()
        self.base = base
        self.lora_A = nn.Parameter(torch.randn(rank, base.in_features) / math.sqrt(base.in_features))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.lora_A), self.lora_B)


class Judge(nn.Module):
    """The encoder and the head; `rank` 0 trains every weight of the encoder's layers."""

    def __init__(self, base, rank, dropout=0.1):
        super().__init__()
        # Dropout inside the encoder costs time on a CPU and gains nothing at one or two
        # passes over the material; it stays before the head.
        # Plain attention, because the backward pass of the fused one is the slowest part
        # of a step on a CPU at these lengths.
        config = BertConfig.from_pretrained(
            base, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager")
        self.encoder = BertModel(config, add_pooling_layer=False)
        weights = load_file(Path(base) / "model.safetensors")
        wanted = self.encoder.state_dict().keys()
        self.encoder.load_state_dict({k: v.float() for k, v in weights.items() if k in wanted}, strict=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(config.hidden_size, 1)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)
        self.encoder.embeddings.word_embeddings.weight.requires_grad_(False)
        self.encoder.embeddings.position_embeddings.weight.requires_grad_(False)
        if rank:
            for name, parameter in self.encoder.named_parameters():
                parameter.requires_grad_("LayerNorm" in name or "token_type" in name)
            for layer in self.encoder.encoder.layer:
                for name in LORA_LAYERS:
                    parent, _, leaf = name.rpartition(".")
                    parent = layer.get_submodule(parent)
                    setattr(parent, leaf, LoraLinear(getattr(parent, leaf), rank))

    def begin_at(self, path):
        """Takes the values that `export` wrote, to go on from there."""
        held = dict(self.named_parameters())
        with torch.no_grad():
            for name, tensor in load_file(path).items():
                name = name if name.startswith("head.") else f"encoder.{name}"
                held[name].copy_(tensor.float())

    def merge(self):
        """Folds the low-rank updates into the weights, for faster reading."""
        for layer in self.encoder.encoder.layer:
            for name in LORA_LAYERS:
                parent, _, leaf = name.rpartition(".")
                parent = layer.get_submodule(parent)
                linear = getattr(parent, leaf)
                if isinstance(linear, LoraLinear):
                    with torch.no_grad():
                        linear.base.weight += linear.lora_B @ linear.lora_A
                    setattr(parent, leaf, linear.base)
        # Without a backward pass the fused attention is the faster one.
        self.encoder.set_attn_implementation("sdpa")

    def forward(self, batch):
        hidden = self.encoder(
            input_ids=batch["ids"], attention_mask=batch["mask"], token_type_ids=batch["types"]
        ).last_hidden_state
        return self.head(self.dropout(hidden[:, 0]).float()).squeeze(-1)


class Encoder:
    """Turns pairs of texts into padded batches."""

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(str(path))
        self.tokenizer.no_padding()
        # Only the unit is cut: a question must be read whole to be answered.
        self.tokenizer.enable_truncation(MAX_LENGTH, strategy="only_second")

    def encode(self, pairs):
        """Token ids and types of each (question, unit)."""
        # A question as long as the window is cut first, or nothing of the unit would remain.
        cut = [(" ".join(q.split()[:60]), u) for q, u in pairs]
        return [(e.ids, e.type_ids) for e in self.tokenizer.encode_batch(cut)]

    @staticmethod
    def batch(encoded):
        width = max(len(ids) for ids, _ in encoded)
        ids = torch.zeros(len(encoded), width, dtype=torch.long)
        types, mask = torch.zeros_like(ids), torch.zeros_like(ids)
        for row, (i, t) in enumerate(encoded):
            ids[row, : len(i)] = torch.tensor(i)
            types[row, : len(t)] = torch.tensor(t)
            mask[row, : len(i)] = 1
        return {"ids": ids, "types": types, "mask": mask}


class Embedder:
    """The base as what it was made for: mean of the last layer, of length 1."""

    def __init__(self, base):
        self.model = BertModel(BertConfig.from_pretrained(base), add_pooling_layer=False).eval()
        weights = load_file(Path(base) / "model.safetensors")
        wanted = self.model.state_dict().keys()
        self.model.load_state_dict({k: v.float() for k, v in weights.items() if k in wanted}, strict=True)
        self.tokenizer = Tokenizer.from_file(str(Path(base) / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(128)

    @torch.inference_mode()
    def __call__(self, texts):
        encoded = [(e.ids, e.type_ids) for e in self.tokenizer.encode_batch(texts)]
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i][0]))
        vectors = np.zeros((len(texts), self.model.config.hidden_size), dtype=np.float32)
        for start in range(0, len(order), 64):
            chosen = order[start : start + 64]
            batch = Encoder.batch([encoded[i] for i in chosen])
            with autocast(True):
                hidden = self.model(input_ids=batch["ids"], attention_mask=batch["mask"]).last_hidden_state.float()
            mask = batch["mask"].unsqueeze(-1)
            vectors[chosen] = F.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1).numpy()
        return vectors


def autocast(on):
    return torch.autocast("cpu", dtype=torch.bfloat16) if on else contextlib.nullcontext()


def batches(examples, size, rng):
    """Batches of similar length, in random order, so that little is padding."""
    order = list(range(len(examples)))
    rng.shuffle(order)
    made = []
    for start in range(0, len(order), size * 40):
        block = sorted(order[start : start + size * 40], key=lambda i: len(examples[i][0][0]))
        made += [block[i : i + size] for i in range(0, len(block), size)]
    rng.shuffle(made)
    return made


def train(model, own, general, args, rng, log):
    """One pass over both lists of ((ids, types), label).

    The general pairs are spread over the first three quarters only, so that the last
    steps fit the target domain, its share of positives too.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    plan = [(rng.random(), own, chosen) for chosen in batches(own, args.batch, rng)]
    plan += [(0.75 * rng.random(), general, chosen) for chosen in batches(general, args.batch, rng)]
    plan.sort(key=lambda entry: entry[0])
    optimiser = torch.optim.AdamW(trained, lr=args.lr, weight_decay=0.01)
    warm = max(1, len(plan) // 20)
    shape = lambda step: min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / len(plan)))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, shape)
    model.train()
    start, mean = time.time(), 0.0
    for step, (_, examples, chosen) in enumerate(plan):
        labels = torch.tensor([examples[i][1] for i in chosen])
        with autocast(args.bf16):
            logits = model(Encoder.batch([examples[i][0] for i in chosen]))
        # Most pairs are negative by construction; positives count a little more.
        loss = F.binary_cross_entropy_with_logits(logits, labels, pos_weight=torch.tensor(1.5))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        schedule.step()
        mean = loss.item() if step == 0 else 0.98 * mean + 0.02 * loss.item()
        if step % 50 == 0 or step + 1 == len(plan):
            spent = time.time() - start
            log(f"step {step + 1}/{len(plan)} loss {mean:.4f} {(step + 1) * args.batch / spent:.0f} pairs/s {spent:.0f} s")


def examples_per_second(model, examples, args):
    """Training speed on this machine, measured without changing the model."""
    # Batches must be as evenly long as in training, or the padding counts as work.
    ordered = sorted(examples, key=lambda e: len(e[0][0]))
    picks = [int((i + 0.5) / 8 * max(1, len(ordered) - args.batch)) for i in range(8)]
    model.train()
    for n, at in enumerate([picks[4], *picks]):
        if n == 1:
            start = time.time()
        some = ordered[at : at + args.batch]
        with autocast(args.bf16):
            logits = model(Encoder.batch([e[0] for e in some]))
        F.binary_cross_entropy_with_logits(logits, torch.tensor([e[1] for e in some])).backward()
    model.zero_grad(set_to_none=True)
    return len(picks) * args.batch / (time.time() - start)


@torch.inference_mode()
def score(model, encoded, bf16):
    """Logits of encoded pairs, in their order."""
    model.eval()
    order = sorted(range(len(encoded)), key=lambda i: len(encoded[i][0]))
    logits = np.zeros(len(encoded), dtype=np.float32)
    for start in range(0, len(order), 128):
        chosen = order[start : start + 128]
        with autocast(bf16):
            logits[chosen] = model(Encoder.batch([encoded[i] for i in chosen])).float().numpy()
    return logits


def auc(logits, labels):
    """Chance that a positive scores above a negative."""
    order = np.argsort(logits, kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    labels = np.asarray(labels) > 0.5
    positives, negatives = labels.sum(), (~labels).sum()
    if not positives or not negatives:
        return None
    return float((rank[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def outcome(rows, threshold):
    """What a reader would see if the best unit is shown where its logit reaches `threshold`."""
    answerable = [r for r in rows if r["kind"] == "answer"]
    right = sum(r["right"] and r["top"] >= threshold for r in answerable)
    shown = sum(r["top"] >= threshold for r in answerable)
    refused = lambda kind: sum(r["top"] < threshold for r in rows if r["kind"] == kind)
    false = sum(r["top"] >= threshold for r in rows if r["kind"] != "answer")
    f1 = 2 * right / max(1, len(answerable) + shown + false)
    return {
        "answerable": len(answerable), "answered_right": right, "answered_wrong": shown - right,
        "refused_though_answerable": len(answerable) - shown,
        "near": sum(r["kind"] == "near" for r in rows), "near_refused": refused("near"),
        "off": sum(r["kind"] == "off" for r in rows), "off_refused": refused("off"),
        "f1": round(f1, 4), "threshold": round(float(threshold), 3),
    }


def best_threshold(rows):
    """The threshold with the best F1 of right answers over all shown and all owed."""
    return max(sorted(r["top"] for r in rows), key=lambda t: outcome(rows, t)["f1"])


def evaluate_organisations(model, encoder, organisations, bf16):
    """Scores every unit of a held-out organisation for each of its questions."""
    rows, logits, labels = [], [], []
    for organisation in organisations:
        units = [u.text for u in organisation.units]
        for q in organisation.questions:
            scores = score(model, encoder.encode([(q["text"], u) for u in units]), bf16)
            gold = set(q["at"]) if q["kind"] == "answer" else set()
            order = np.argsort(-scores)
            near = organisation.lexicon.nearest(q["text"])[:40]
            top40 = max(near, key=lambda i: scores[i])
            rank = next((n for n, i in enumerate(order) if i in gold), None)
            rows.append({
                "organisation": organisation.name, "question": q["text"], "kind": q["kind"], "style": q["style"],
                "top": float(scores[order[0]]), "right": bool(order[0] in gold), "rank": rank,
                "right_of_40": bool(top40 in gold), "top_unit": units[order[0]],
                "gold_unit": units[min(gold)] if gold else None,
            })
            logits += scores.tolist()
            labels += [float(i in gold) for i in range(len(units))]
    answerable = [r for r in rows if r["kind"] == "answer"]
    # Tuned where it is measured, a threshold flatters; the second figure tunes each
    # organisation's threshold on the other held-out ones.
    honest = []
    for organisation in organisations:
        rest = [r for r in rows if r["organisation"] != organisation.name]
        mine = [r for r in rows if r["organisation"] == organisation.name]
        if rest:
            honest.append(outcome(mine, best_threshold(rest)))
    summed = {k: sum(h[k] for h in honest) for k in honest[0] if k not in ("f1", "threshold")} if honest else {}
    styles = {}
    for r in answerable:
        won, of = styles.get(r["style"], (0, 0))
        styles[r["style"]] = (won + r["right"], of + 1)
    return rows, {
        "organisations": [o.name for o in organisations],
        "auc_all_units": auc(np.array(logits), labels),
        "top1_of_all_units": round(sum(r["right"] for r in answerable) / max(1, len(answerable)), 4),
        "top3_of_all_units": round(sum(r["rank"] is not None and r["rank"] < 3 for r in answerable) / max(1, len(answerable)), 4),
        "top1_of_40_lexically_nearest": round(sum(r["right_of_40"] for r in answerable) / max(1, len(answerable)), 4),
        "top1_by_style": {k: f"{a}/{b}" for k, (a, b) in sorted(styles.items())},
        "auc_answerable_against_near_and_off": auc(
            np.array([r["top"] for r in rows]), [float(r["kind"] == "answer") for r in rows]),
        "tuned_here": outcome(rows, best_threshold(rows)),
        "tuned_on_the_other_organisations": summed,
    }


def export(model, path, rank):
    """Writes the difference to the base model as float16 and puts the rounded values
    back into `model`, so that what is measured is what is shipped.

    Tensors bear the base model's own names. `X.lora_A` [rank, in] and `X.lora_B`
    [out, rank] update the weight `X.weight` to `W + B A`; any other tensor of the
    encoder replaces the one of its name; `head.weight` [1, hidden] and `head.bias` [1]
    are new.
    """
    tensors = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not parameter.requires_grad:
                continue
            half = parameter.detach().to(torch.float16)
            parameter.copy_(half.float())
            tensors[name.removeprefix("encoder.")] = half.contiguous()
    save_file(tensors, path, metadata={"base": "all-MiniLM-L6-v2", "format": "1"})
    return {"bytes": Path(path).stat().st_size, "tensors": len(tensors), "rank": rank}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", required=True, help="folder of the base model")
    parser.add_argument("--organisations", required=True, nargs="+", help="folders of organisation files")
    parser.add_argument("--squad", nargs="*", default=[], help="SQuAD 2.0 files")
    parser.add_argument("--selqa", nargs="*", default=[], help="SelQA answer selection files")
    parser.add_argument("--fetaqa", nargs="*", default=[], help="FeTaQA files")
    parser.add_argument("--wikitables", nargs="*", default=[], help="WikiTableQuestions folders")
    parser.add_argument("--out", required=True, help="folder to write")
    parser.add_argument("--holdout", nargs="*", default=[], help="organisations kept for validation")
    parser.add_argument("--squad-holdout", nargs="*", default=["Warsaw", "Steam_engine"], help="articles kept for validation")
    parser.add_argument("--rank", type=int, default=32, help="rank of the updates; 0 trains all weights")
    parser.add_argument("--begin", help="a judge.safetensors of the same rank to go on from")
    parser.add_argument("--mine", action="store_true", help="prefer wrong units that the judge of --begin takes for right")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--draws", type=float, nargs="+", default=[3], help="draws of wrong units for each folder; 0.2 takes a fifth of the pairs")
    parser.add_argument("--minutes", type=float, default=0, help="cut the general pairs so that training takes about this long")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--float32", dest="bf16", action="store_false", help="train without bfloat16")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    log = lambda line: print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)

    encoder = Encoder(Path(args.base) / "tokenizer.json")
    encode = lambda pairs: list(zip(encoder.encode([(p.question, p.unit) for p in pairs]), [p.label for p in pairs]))
    embedder = Embedder(args.base)
    folders = [data.load_organisations(folder, embedder) for folder in args.organisations]
    everything = [o for folder in folders for o in folder]
    held = [o for o in everything if o.name in args.holdout]
    kept = [o for o in everything if o.name not in args.holdout]
    if args.mine:
        miner = Judge(args.base, args.rank)
        miner.begin_at(args.begin)
        miner.merge()
        for organisation in kept:
            organisation.mine(lambda pairs: score(miner, encoder.encode(pairs), args.bf16))
        log("wrong units chosen")
    own = []
    for folder, draws in zip(folders, args.draws, strict=True):
        drawn = [p for _ in range(math.ceil(draws)) for o in folder if o in kept for p in o.pairs(rng)]
        own += encode(rng.sample(drawn, round(len(drawn) * draws / math.ceil(draws))))
    general = [p for f in args.squad for p in data.load_squad(f, rng, without=args.squad_holdout)]
    general += [p for f in args.selqa for p in data.load_selqa(f, rng)]
    general += [p for f in args.fetaqa for p in data.load_fetaqa(f, rng)]
    general += [p for f in args.wikitables for p in data.load_wikitables(f, rng)]
    general = encode(general)
    squad_dev = encode([p for f in args.squad for p in data.load_squad(f, random.Random(0), articles=args.squad_holdout)])
    log(f"{len(kept)} organisations, {sum(o.unmatched for o in everything)} quotes not found, {len(own)} own pairs, "
        f"{len(general)} general pairs; held out {[o.name for o in held]} and {len(squad_dev)} SQuAD pairs")

    model = Judge(args.base, args.rank)
    if args.begin:
        model.begin_at(args.begin)
    log(f"{sum(p.numel() for p in model.parameters() if p.requires_grad)} trained parameters")
    rng.shuffle(general)
    speed = examples_per_second(model, own + general, args)
    if args.minutes:
        general = general[: max(0, int(speed * 60 * args.minutes) - len(own))]
    log(f"{speed:.0f} pairs/s, training on {len(own)} + {len(general)} pairs")
    start = time.time()
    train(model, own, general, args, rng, log)
    minutes = (time.time() - start) / 60

    size = export(model, out / "judge.safetensors", args.rank)
    (out / "judge.safetensors").chmod(0o644)
    model.merge()
    log(f"wrote {size}")
    source = held or kept
    golden = []
    for organisation in source:
        answered = [q for q in organisation.questions if q["kind"] == "answer"]
        near = [q for q in organisation.questions if q["kind"] == "near"]
        for q in answered[1::12][:2] + near[3:4]:
            golden.append((q["text"], organisation.units[q["at"][0]].text))
    golden = (golden * 12)[:11] + [(golden[0][0] + " " + "and " * 8 + "more", golden[0][1] + " This unit is long. " * 30)]
    encoded = encoder.encode(golden)
    # One at a time, so that no padding is in the sums.
    logits = [float(score(model, [e], False)[0]) for e in encoded]
    (out / "golden.json").write_text(json.dumps([
        {"question": q, "unit": u, "ids": ids, "types": types, "logit": logit}
        for (q, u), (ids, types), logit in zip(golden, encoded, logits)
    ], ensure_ascii=False, indent=1), encoding="utf-8")
    metrics = {
        "size": size, "training_minutes": round(minutes, 2), "own_pairs": len(own), "general_pairs": len(general),
        "training_organisations": [o.name for o in kept],
        "settings": {k: v for k, v in vars(args).items() if k not in ("base", "begin", "organisations", "squad", "selqa", "fetaqa", "wikitables", "out")},
    }
    if squad_dev:
        logits = score(model, [e for e, _ in squad_dev], False)
        metrics["squad_dev"] = {"pairs": len(squad_dev), "auc": auc(logits, [y for _, y in squad_dev])}
    rows = []
    if held:
        # Everything measured is in float32, as the reader of the file computes.
        rows, metrics["held_out"] = evaluate_organisations(model, encoder, held, False)
        with open(out / "held_out.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    (out / "metrics.json").write_text(json.dumps(metrics, ensure_ascii=False, indent=1), encoding="utf-8")
    log(json.dumps({k: metrics.get(k) for k in ("squad_dev", "held_out")}, ensure_ascii=False))


if __name__ == "__main__":
    main()
