"""LoRA adapters as PEFT saves them, the logits they give, and PyTorch's gradients and optimizer steps on them.

    lora/CASE/  adapter_config.json, adapter_model.safetensors   the adapter, random and nowhere zero
                expected.json       its logits
                train.json          a batch, its loss, the norm of every gradient, the losses of ten steps
                train.safetensors   every gradient; for `llama` also the adapter after ten steps
    lora/CASE.gguf                  the adapter of `llama` and `qwen2` as llama.cpp's converter writes it
    lora/gguf-llama.json            as train.json: the adapter of `llama` on the weights of gguf/llama.gguf
"""
import shutil
import warnings

import torch
from gguf import GGUFReader, GGUFWriter
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoConfig, AutoTokenizer

from . import decoders, gguf_models
from .common import round_to_int8, rounded, write_json
from .texts import CORPUS, DECODER_PROMPT

ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROMPTS = (slice(0, 9), slice(5, 19))
SEQUENCES, TOKENS, STEPS = 2, 16, 10
ADAMW = dict(lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
CLIP = 1.0

# case: (folder below tiny/, what the adapter is, prompts whose logits are kept, what is kept of training: None, or tensors)
CASES = {
    "llama": ("llama", dict(r=4, lora_alpha=8, target_modules=ALL), PROMPTS, ("gradients", "final")),
    "llama-qv": ("llama", dict(r=2, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "v_proj"]), PROMPTS, None),
    "qwen2": ("qwen2", dict(r=2, lora_alpha=8, target_modules=ALL), PROMPTS[:1], ()),
    "qwen3": ("qwen3", dict(r=2, lora_alpha=8, target_modules=ALL), PROMPTS[:1], ("gradients",)),
    "gemma3": ("gemma3", dict(r=2, lora_alpha=8, target_modules=ALL), PROMPTS[:1], ()),
    "granite": ("granite", dict(r=2, lora_alpha=8, target_modules=ALL), PROMPTS[:1], ()),
    "smollm3": ("smollm3", dict(r=2, lora_alpha=8, target_modules=ALL), PROMPTS[:1], ()),
    "phi3": ("phi3", dict(r=2, lora_alpha=8, target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]), PROMPTS[:1], None),
}


def make(tiny, gguf, out):
    torch.set_num_threads(1)  # one order of summation
    warnings.filterwarnings("ignore", category=UserWarning, module="peft")  # the base is no hub name
    shutil.rmtree(out, ignore_errors=True)
    for seed, (case, (family, settings, prompts, kept)) in enumerate(CASES.items(), 1):
        tok = AutoTokenizer.from_pretrained(tiny / family)

        def base():
            return round_to_int8(decoders.load(tiny / family))

        def fresh():
            return adapted(base(), settings, seed)

        save(fresh(), family, out / case)
        if case in ("llama", "qwen2"):
            write_gguf(out / f"{case}.gguf", fresh(), family)
        write_logits(out / case / "expected.json", base(), fresh(), [tok(DECODER_PROMPT).input_ids[p] for p in prompts])
        if kept is not None:
            train(fresh, tok, out / case / "train", kept)
    _, settings, _, _ = CASES["llama"]
    tok = AutoTokenizer.from_pretrained(tiny / "llama")
    train(lambda: adapted(from_gguf(gguf / "llama.gguf", tiny / "llama"), settings, 1), tok, out / "gguf-llama", ())


def from_gguf(path, folder):
    """The model in a GGUF file, its tensors dequantized."""
    tensors = {t.name: (t.data, t.tensor_type) for t in GGUFReader(path).tensors}
    return gguf_models.filled(AutoConfig.from_pretrained(folder), tensors, permuted=True)


@torch.no_grad()
def adapted(model, settings, seed):
    """The model with an adapter whose A and B are random: PEFT's B of zeros would leave A without a gradient."""
    model = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **settings)).eval()
    random = torch.Generator().manual_seed(seed)
    for name, p in sorted(learned(model)):
        p.normal_(0, 0.1 if "lora_A" in name else 0.05, generator=random)
    return model


def learned(model):
    """Names as PEFT's files have them, and parameters."""
    return [(name.replace(".default", ""), p) for name, p in model.named_parameters() if p.requires_grad]


def write_gguf(path, model, arch):
    """The factors under llama.cpp's names, B's rows of q and k in its order."""
    w = GGUFWriter(str(path), arch)
    w.add_type("adapter")
    w.add_string("adapter.type", "lora")
    w.add_float32("adapter.lora.alpha", model.peft_config["default"].lora_alpha)
    for name, p in sorted(learned(model)):
        module, half = name.removeprefix("base_model.model.").rsplit(".lora_", 1)
        name, value = gguf_models.gguf_name(f"{module}.weight"), p.detach().numpy()
        if half[0] == "B" and arch == "llama":
            value = gguf_models.permute(name, value, model.config)
        w.add_tensor(f"{name}.lora_{half[0].lower()}", value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def save(model, family, folder):
    config = model.peft_config["default"]
    config.base_model_name_or_path = f"tiny/{family}"
    config.target_modules = sorted(config.target_modules)  # a set, whose order would differ from run to run
    model.save_pretrained(folder)
    (folder / "README.md").unlink()  # a model card to be filled in


@torch.no_grad()
def write_logits(path, plain, model, prompts):
    """After each prompt: the last row of logits, and how far the adapter moved it."""
    rows = [[m(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1] for m in (model, plain)] for ids in prompts]
    write_json(path, {
        "prompts": prompts, "logits_int8": [rounded(row) for row, _ in rows],
        "moved": [round((row - without).abs().max().item(), 6) for row, without in rows],
    })


def batch(tok):
    """Two sequences of tokens, and which of them are learned: about half, never the first."""
    texts = [tok(text).input_ids for text in CORPUS[:SEQUENCES]]
    tokens = [ids[:TOKENS] for ids in texts]
    learn = [[i >= 7 for i in range(TOKENS)], [i in (2, 3, 4, 8, 11, 12, 15) for i in range(TOKENS)]]
    return tokens, learn


def train(fresh, tok, stem, kept):
    tokens, learn = batch(tok)
    result, exact = run(fresh(), tokens, learn), run(fresh().double(), tokens, learn)
    gradients, final = result["gradients"], result["final"]
    write_json(stem.with_suffix(".json"), {
        "tokens": tokens, "learn": learn, "adamw": ADAMW, "clip": CLIP,
        "losses": result["losses"], "norms": result["norms"],
        "gradient_norms": {name: g.norm().item() for name, g in gradients.items()},
        "final_norms": {name: p.norm().item() for name, p in final.items()},
        "noise": {
            "losses": max(abs(a - b) for a, b in zip(result["losses"], exact["losses"])),
            "gradients": max(((g - exact["gradients"][name]).norm() / g.norm()).item() for name, g in gradients.items()),
            "final": max((p - exact["final"][name]).abs().max().item() for name, p in final.items()),
        },
    })
    named = {f"{kind}.{name}": value for kind in kept for name, value in result[kind].items()}
    if named:
        save_file(dict(sorted(named.items())), stem.with_suffix(".safetensors"))


def run(model, tokens, learn):
    """Ten steps of AdamW on one batch: the loss before each and after the last (the mean over all learned tokens), the
    gradients' common norm before each clipping, the first step's gradients, and the adapter at the end."""
    ids, mask = torch.tensor(tokens), torch.tensor(learn)
    names, parameters = zip(*sorted(learned(model)))
    optimizer = torch.optim.AdamW(parameters, **ADAMW)
    losses, norms, gradients = [], [], None
    for _ in range(STEPS + 1):
        optimizer.zero_grad()
        logits = model(input_ids=ids, use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits[:, :-1][mask[:, 1:]], ids[:, 1:][mask[:, 1:]])
        losses.append(loss.item())
        if len(losses) > STEPS:
            break
        loss.backward()
        gradients = gradients or {n: p.grad.clone() for n, p in zip(names, parameters)}
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP).item())
        optimizer.step()
    final = {n: p.detach().clone() for n, p in zip(names, parameters)}
    return {"losses": losses, "norms": norms, "gradients": gradients, "final": final}
