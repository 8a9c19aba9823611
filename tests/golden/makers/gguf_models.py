"""Three tiny whole GGUF files, with the logits that transformers computes from their dequantized tensors."""
import json

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, LlamaConfig

from . import decoders, tokenizing
from .blocks import K_TYPES, dequantize, random_k
from .common import greedy, rounded, write_json

LAYER = {
    "input_layernorm.weight": "attn_norm.weight", "post_attention_layernorm.weight": "ffn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight", "self_attn.k_proj.weight": "attn_k.weight", "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.q_proj.bias": "attn_q.bias", "self_attn.k_proj.bias": "attn_k.bias", "self_attn.v_proj.bias": "attn_v.bias",
    "self_attn.o_proj.weight": "attn_output.weight", "mlp.gate_proj.weight": "ffn_gate.weight", "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
    # Gemma, Qwen 3, Phi 3
    "post_feedforward_layernorm.weight": "post_ffw_norm.weight", "self_attn.q_norm.weight": "attn_q_norm.weight",
    "self_attn.k_norm.weight": "attn_k_norm.weight", "self_attn.qkv_proj.weight": "attn_qkv.weight", "mlp.gate_up_proj.weight": "ffn_up.weight",
}
GEMMA_LAYER = {"post_attention_layernorm.weight": "post_attention_norm.weight", "pre_feedforward_layernorm.weight": "ffn_norm.weight"}
PERMUTED = ("llama", "granite", "smollm3")
TOP = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}

# File (c): each encoding once or more; the attention output is 128 wide, too narrow for a K-quant block.
K_MIX = {"token_embd": Type.Q6_K, "attn_q": Type.Q5_K, "attn_k": Type.Q4_K, "attn_v": Type.Q6_K, "attn_output": Type.Q8_0,
         "ffn_gate": Type.Q4_K, "ffn_up": Type.Q5_K, "ffn_down": Type.Q6_K}
K_CONFIG = dict(
    vocab_size=tokenizing.VOCAB, num_hidden_layers=1, hidden_size=256, intermediate_size=256, num_attention_heads=4, num_key_value_heads=2,
    head_dim=32, max_position_embeddings=512, rms_norm_eps=1e-5, bos_token_id=0, eos_token_id=2, tie_word_embeddings=True,
    rope_parameters=decoders.ROPE_LLAMA3)


def make(tiny, out):
    llama_mix = {"token_embd": Type.Q8_0, "attn_v": Type.Q8_0, "ffn_down": Type.Q8_0}
    from_folder(tiny / "llama", out / "llama", "llama", "smollm", lambda name: llama_mix.get(name, Type.Q4_1))
    from_folder(tiny / "qwen2", out / "qwen2", "qwen2", "qwen2", lambda name: Type.Q8_0)
    from_folder(tiny / "qwen2", out / "qwen2-floats", "qwen2", "qwen2", lambda name: Type.BF16 if name == "token_embd" else Type.F16)
    for arch in ("gemma2", "gemma3", "granite", "smollm3", "phi3"):
        from_folder(tiny / arch, out / arch, arch, "smollm", lambda name: Type.Q8_0)
    llama3_k(out / "llama3-k")


def from_folder(folder, stem, arch, pre, kind_of):
    """A GGUF of a Hugging Face folder's model, quantized as llama.cpp's converter and quantizer would."""
    model, tok = decoders.load(folder), AutoTokenizer.from_pretrained(folder)
    if "gemma" in arch:  # no key says otherwise
        model.config.query_pre_attn_scalar = model.config.head_dim
    tensors = {}
    for name, value in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        name, value = gguf_name(name, arch), value.numpy()
        if arch in PERMUTED:
            value = permute(name, value, model.config)
        if "gemma" in arch and "norm" in name:
            value = value + 1
        kind = kind_of(base(name)) if value.ndim == 2 else Type.F32
        tensors[name] = (gguf.quants.quantize(value, kind) if kind != Type.F32 else value, kind)
    if arch == "phi3":
        for length in ("long", "short"):
            factors = np.array(model.config.rope_parameters[f"{length}_factor"], np.float32)
            tensors[f"rope_factors_{length}.weight"] = (factors, Type.F32)
    write(stem.with_suffix(".gguf"), arch, model.config, tensors, tok, pre)
    ids = json.loads((folder / "expected.json").read_text())["input_ids"]
    expect(stem, model.config, tensors, ids, permuted=arch in PERMUTED, arch=arch)


def llama3_k(stem):
    """A Llama 3 of random K-quant blocks, with the per-frequency divisors of its rope in `rope_freqs.weight`."""
    config, random = LlamaConfig(**K_CONFIG), np.random.default_rng(24)  # a seed whose greedy run is varied and clear
    tensors = {"rope_freqs.weight": (rope_divisors(config), Type.F32)}
    for name, value in AutoModelForCausalLM.from_config(config).state_dict().items():
        if name == "lm_head.weight":
            continue
        name, kind = gguf_name(name), K_MIX.get(base(gguf_name(name)), Type.F32)
        if kind in K_TYPES:
            raw = random_k(random, kind, *value.shape)
        elif kind == Type.Q8_0:
            raw = gguf.quants.quantize(random.normal(0, 0.06, value.shape).astype(np.float32), kind)
        else:
            raw = random.uniform(0.5, 1.5, value.shape).astype(np.float32)
        tensors[name] = (raw, kind)
    tok = tokenizing.byte_bpe("llama3")
    write(stem.with_suffix(".gguf"), "llama", config, tensors, tok, "llama-bpe")
    expect(stem, config, tensors, tok(decoders.DECODER_PROMPT).input_ids[:decoders.PROMPT_TOKENS], permuted=True)


def gguf_name(name, arch="llama"):
    """model.layers.0.mlp.up_proj.weight -> blk.0.ffn_up.weight"""
    if name in TOP:
        return TOP[name]
    index, rest = name.removeprefix("model.layers.").split(".", 1)
    layer = LAYER | GEMMA_LAYER if "gemma" in arch else LAYER
    return f"blk.{index}.{layer[rest]}"


def base(name):
    return name.removesuffix(".weight").split(".")[-1]


def heads(name, config):
    """The number of heads whose rows llama.cpp reorders in this tensor, 0 for none."""
    return {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}.get(base(name), 0)


def permute(name, value, config):
    """Rows from rotate-half order (x, x + half) to adjacent pairs, head by head, as llama.cpp keeps the llama family."""
    n = heads(name, config)
    return value if not n else value.reshape(n, 2, -1, value.shape[1]).swapaxes(1, 2).reshape(value.shape)


def unpermute(name, value, config):
    n = heads(name, config)
    return value if not n else value.reshape(n, -1, 2, value.shape[1]).swapaxes(1, 2).reshape(value.shape)


def rope_divisors(config):
    """What Llama 3's scaling divides each frequency by: 1 when fast, `factor` when slow, in between a blend of the rates."""
    rope = config.rope_parameters
    frequency = rope["rope_theta"] ** -(np.arange(0, config.head_dim, 2) / config.head_dim)
    turns = rope["original_max_position_embeddings"] * frequency / (2 * np.pi)
    fast = np.clip((turns - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"]), 0, 1)
    return (1 / (fast + (1 - fast) / rope["factor"])).astype(np.float32)


def write(path, arch, config, tensors, tok, pre):
    path.parent.mkdir(parents=True, exist_ok=True)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    w = gguf.GGUFWriter(str(path), arch)
    w.add_name(f"tiny {path.stem}")
    w.add_vocab_size(config.vocab_size)
    w.add_context_length(config.max_position_embeddings)
    w.add_embedding_length(config.hidden_size)
    w.add_block_count(config.num_hidden_layers)
    w.add_feed_forward_length(config.intermediate_size)
    w.add_head_count(config.num_attention_heads)
    w.add_head_count_kv(config.num_key_value_heads)
    w.add_key_length(head_dim)
    w.add_value_length(head_dim)
    rope = config.rope_parameters.get("full_attention", config.rope_parameters)
    w.add_rope_dimension_count(int(head_dim * rope.get("partial_rotary_factor", 1.0)))
    w.add_rope_freq_base(rope["rope_theta"])
    if arch == "gemma3":
        w.add_float32("gemma3.rope.freq_base_swa", config.rope_parameters["sliding_attention"]["rope_theta"])
        w.add_string("gemma3.rope.scaling.type", "linear")
        w.add_float32("gemma3.rope.scaling.factor", rope["factor"])
    if "gemma" in arch:
        w.add_uint32(f"{arch}.attention.sliding_window", config.sliding_window)
        w.add_array(f"{arch}.attention.sliding_window_pattern", [kind == "sliding_attention" for kind in config.layer_types])
    if arch == "gemma2":
        w.add_float32("gemma2.attn_logit_softcapping", config.attn_logit_softcapping)
        w.add_float32("gemma2.final_logit_softcapping", config.final_logit_softcapping)
    if arch == "granite":
        w.add_float32("granite.attention.scale", config.attention_multiplier)
        w.add_float32("granite.embedding_scale", config.embedding_multiplier)
        w.add_float32("granite.residual_scale", config.residual_multiplier)
        w.add_float32("granite.logit_scale", config.logits_scaling)
    if arch == "phi3":
        w.add_string("phi3.rope.scaling.type", "longrope")
        w.add_uint32("phi3.rope.scaling.original_context_length", rope["original_max_position_embeddings"])
    w.add_layer_norm_rms_eps(config.rms_norm_eps)
    add_tokenizer(w, tok, pre)
    for name, (raw, kind) in tensors.items():
        w.add_tensor(name, raw, raw_dtype=kind)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def add_tokenizer(w, tok, pre):
    model = json.loads(tok.backend_tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre(pre)
    w.add_token_list(tokens)
    w.add_token_types([gguf.TokenType.CONTROL if t in tokenizing.SPECIALS else gguf.TokenType.NORMAL for t in tokens])
    w.add_token_merges([" ".join(m) for m in model["merges"]])
    w.add_bos_token_id(tok.bos_token_id)
    w.add_eos_token_id(tok.eos_token_id)
    w.add_add_bos_token(tok("a").input_ids[0] == tok.bos_token_id)
    if tok.chat_template:
        w.add_chat_template(tok.chat_template)


def expect(stem, config, tensors, ids, permuted, arch="llama"):
    """Logits of a fresh transformers model filled with the dequantized tensors."""
    model = filled(config, tensors, permuted, arch)
    tokens, runners, margins = greedy(model, ids, decoders.NEW_TOKENS)
    write_json(stem.with_suffix(".json"), {
        "types": {name: kind.name for name, (_, kind) in tensors.items()}, "input_ids": ids, "greedy": tokens, "runner_up": runners,
        "margin": margins, "positions": list(range(len(ids) - decoders.LAST, len(ids))), "logits": rounded(decoders.last_logits(model, ids)),
    })


def filled(config, tensors, permuted, arch="llama"):
    """A fresh transformers model with the dequantized tensors."""
    config = AutoConfig.for_model(config.model_type, **{k: v for k, v in config.to_dict().items() if k not in ("model_type", "dtype")})
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    state = {}
    for name in model.state_dict():
        key = gguf_name(name, arch)
        key = "token_embd.weight" if key == "output.weight" and config.tie_word_embeddings else key
        raw, kind = tensors[key]
        value = dequantize(raw, kind)
        if "gemma" in arch and "norm" in key:
            value = value - 1
        state[name] = torch.from_numpy(unpermute(key, value, config) if permuted else value)
    model.load_state_dict(state)
    return model
