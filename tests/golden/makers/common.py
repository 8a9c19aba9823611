"""What every maker shares: writing JSON, rounding, the int8 rule and greedy decoding."""
import json
from pathlib import Path

import torch

BLOCK = 32  # weights per int8 block, along the input dimension


def write_json(path, fields):
    """Writes one top-level field a line: compact, and still readable in a diff."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False, separators=(',', ':'))}" for k, v in fields.items()]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def rounded(tensor, digits=6):
    """A tensor as nested lists with `digits` decimals."""
    def walk(x):
        return [walk(y) for y in x] if isinstance(x, list) else round(x, digits)
    return walk(tensor.double().tolist())


def int8(weight):
    """Rounds a [out, in] matrix to blocks of 32 along `in` as Q8_0 has them, and back to float32.

    scale = max|w| / 127 in float16; q = w / scale, ties to the even one.
    """
    blocks = weight.detach().float().reshape(-1, BLOCK)
    scale = (blocks.abs().amax(dim=1, keepdim=True) / 127).half().float()
    q = (blocks / torch.where(scale == 0, torch.ones_like(scale), scale)).round().clamp(-127, 127)
    return (q * scale).reshape(weight.shape)


def round_to_int8(model):
    """Applies `int8` in place to every linear weight and to the token embedding; biases and norms stay as they are."""
    token_embedding = model.get_input_embeddings()
    for module in model.modules():
        if isinstance(module, torch.nn.Linear) or module is token_embedding:
            if getattr(module.weight, "is_int8", False):
                continue  # a tied head: the same parameter as the embedding
            module.weight.data.copy_(int8(module.weight))
            module.weight.is_int8 = True
    return model


@torch.no_grad()
def greedy(model, ids, new_tokens, stop=(), clear=0.0):
    """Greedy continuation: tokens, and for each the runner-up and the margin of the best logit over it.

    Runs without a cache, so that the reference does not depend on one. Ends early after a token in `stop`, or at a step
    whose margin is under `clear`.
    """
    ids, tokens, runners, margins = list(ids), [], [], []
    for _ in range(new_tokens):
        best = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
        tokens.append(best.indices[0].item())
        runners.append(best.indices[1].item())
        margins.append(round((best.values[0] - best.values[1]).item(), 6))
        ids.append(tokens[-1])
        if tokens[-1] in stop or margins[-1] < clear:
            break
    return tokens, runners, margins
