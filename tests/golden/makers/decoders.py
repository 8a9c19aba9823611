"""Tiny random decoders: one Hugging Face folder a family, with the logits and the greedy continuation it must give."""
import json
from itertools import count

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from . import tokenizing
from .common import greedy, round_to_int8, rounded, write_json
from .texts import CHAT, DECODER_PROMPT

PROMPT_TOKENS, NEW_TOKENS, LAST = 24, 16, 4
CLEAR = 0.08  # least margin of a greedy step: well above float noise and int8 rounding of activations
VARIED = 6  # least number of different tokens in it

COMMON = dict(
    vocab_size=tokenizing.VOCAB, num_hidden_layers=2, hidden_size=64, intermediate_size=96, num_attention_heads=2,
    num_key_value_heads=1, max_position_embeddings=512, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=2, tie_word_embeddings=False)
ROPE_LLAMA3 = dict(rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64)

ROPE_YARN = dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=16)
ROPE_LONG = dict(
    rope_type="longrope", rope_theta=10000.0, partial_rotary_factor=0.5, original_max_position_embeddings=256,
    short_factor=[1.0 + 0.1 * i for i in range(8)], long_factor=[2.0 + i for i in range(8)])
ROPE_GEMMA3 = {
    "sliding_attention": dict(rope_type="default", rope_theta=100.0),
    "full_attention": dict(rope_type="linear", factor=2.0, rope_theta=10000.0)}
GEMMA = dict(
    head_dim=32, query_pre_attn_scalar=24, sliding_window=8, layer_types=["sliding_attention", "full_attention"],
    hidden_activation="gelu_pytorch_tanh", rms_norm_eps=1e-6)

# family: (model type, stored dtype, what differs from COMMON)
FAMILIES = {
    "llama": ("llama", torch.float16, dict(hidden_size=128, intermediate_size=160, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True)),
    "llama3": ("llama", torch.bfloat16, dict(rope_parameters=ROPE_LLAMA3)),
    "mistral": ("mistral", torch.float16, dict(sliding_window=8)),
    "qwen2": ("qwen2", torch.float16, dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="default", rope_theta=1000000.0))),
    "qwen2-windows": ("qwen2", torch.float16, dict(use_sliding_window=True, sliding_window=6, max_window_layers=1, num_hidden_layers=2)),
    "yarn": ("llama", torch.float16, dict(rope_parameters=ROPE_YARN, max_position_embeddings=64)),
    "gemma2": ("gemma2", torch.bfloat16, GEMMA | dict(attn_logit_softcapping=4.0, final_logit_softcapping=20.0)),
    "gemma3": ("gemma3_text", torch.bfloat16, GEMMA | dict(rope_parameters=ROPE_GEMMA3)),
    "granite": ("granite", torch.bfloat16, dict(
        embedding_multiplier=3.0, attention_multiplier=0.3, residual_multiplier=0.7, logits_scaling=0.5)),
    "smollm3": ("smollm3", torch.float16, dict(num_hidden_layers=4, no_rope_layers=[1, 1, 1, 0], pad_token_id=0)),
    "phi3": ("phi3", torch.float16, dict(rope_parameters=ROPE_LONG, original_max_position_embeddings=256, pad_token_id=0)),
    "qwen3": ("qwen3", torch.bfloat16, dict(head_dim=32, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True, rms_norm_eps=1e-6)),
}


def make(out):
    for name, (model_type, dtype, changes) in FAMILIES.items():
        config = AutoConfig.for_model(model_type, **(COMMON | changes))
        make_one(out / name, name, config, dtype)


def make_one(folder, name, config, dtype):
    tok = tokenizing.byte_bpe(name)
    text_ids = tok(DECODER_PROMPT).input_ids
    ids = text_ids[:PROMPT_TOKENS]
    seed, stored = first_clear_seed(config, dtype, ids)
    stored.save_pretrained(folder)
    tok.save_pretrained(folder, save_jinja_files=name != "llama")
    write_older_config(folder)

    model = load(folder)
    int8_model = round_to_int8(load(folder))
    tokens, runners, margins = greedy(model, ids, NEW_TOKENS)
    expected = {
        "seed": seed, "dtype": str(dtype).removeprefix("torch."), "text": DECODER_PROMPT, "text_ids": text_ids, "input_ids": ids,
        "greedy": tokens, "runner_up": runners, "margin": margins, "positions": list(range(len(ids) - LAST, len(ids))),
        "logits": rounded(last_logits(model, ids)), "logits_int8": rounded(last_logits(int8_model, ids)),
    }
    if tok.chat_template:
        expected |= {"messages": CHAT, "chat_ids": tok.apply_chat_template(CHAT, add_generation_prompt=True, return_dict=False)}
    write_json(folder / "expected.json", expected)


def load(folder):
    """The stored values, computed in float32."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


@torch.no_grad()
def last_logits(model, ids):
    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -LAST:]


def first_clear_seed(config, dtype, ids):
    """The first seed whose greedy continuation is unambiguous, varied, and the same in float32 and in int8."""
    for seed in count(1):
        model = randomize(AutoModelForCausalLM.from_config(config, attn_implementation="eager"), seed).to(dtype)
        exact = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
        exact.load_state_dict({k: v.float() for k, v in model.state_dict().items()})
        tokens, _, margins = greedy(exact, ids, NEW_TOKENS, clear=CLEAR)
        if min(margins) < CLEAR or len(set(tokens)) < VARIED or config.eos_token_id in tokens:
            continue
        tokens8, _, margins8 = greedy(round_to_int8(exact), ids, NEW_TOKENS, clear=CLEAR)
        if tokens8 == tokens and min(margins8) >= CLEAR:
            return seed, model


@torch.no_grad()
def randomize(model, seed):
    """Weights wide enough that neither logits nor attention are flat; norms away from 1, biases away from 0."""
    random = torch.Generator().manual_seed(seed)
    for name, p in sorted(model.named_parameters()):
        if p.dim() == 2:
            p.normal_(0, 0.2 if "embed" in name or "lm_head" in name else 0.1, generator=random)
        elif "norm" in name.lower() and name.endswith("weight"):
            less = 1.0 if "gemma" in model.config.model_type else 0.0  # Gemma keeps its gains less one
            p.uniform_(0.5 - less, 1.5 - less, generator=random)
        else:
            p.normal_(0, 0.1, generator=random)
    return model


def write_older_config(folder):
    """config.v4.json: the same configuration as folders published before transformers 5 spell it."""
    config = json.loads((folder / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["torch_dtype"] = config.pop("dtype")
    if "full_attention" in rope:
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        config["sliding_window_pattern"] = config.pop("layer_types").index("full_attention") + 1
        rope = rope["full_attention"]
    if "partial_rotary_factor" in rope:
        config["partial_rotary_factor"] = rope.pop("partial_rotary_factor")
    config["rope_theta"] = rope.pop("rope_theta")
    del config["transformers_version"]
    if config.get("head_dim") == config["hidden_size"] // config["num_attention_heads"]:
        del config["head_dim"]
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    (folder / "config.v4.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
