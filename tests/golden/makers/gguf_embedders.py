"""Tiny encoders as GGUF files, with the names and keys of llama.cpp's converter. Their vectors are those of the folders."""
import json

import gguf
import numpy as np
from safetensors.numpy import load_file
from transformers import AutoTokenizer

from . import tokenizing

TOP = {
    "embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd", "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm", "emb_ln": "token_embd_norm"}
LAYER = {
    "attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm",
    "attn.Wqkv": "attn_qkv", "attn.out_proj": "attn_output", "norm1": "attn_output_norm", "mlp.fc11": "ffn_up", "mlp.fc12": "ffn_gate",
    "mlp.fc2": "ffn_down", "norm2": "layer_output_norm"}
# file: (folder, the folder's configuration in transformers' own keys, pooling)
FILES = {"bert": ("bert-cls", "config.json", gguf.PoolingType.CLS), "nomic-bert": ("nomic", "config.v5.json", gguf.PoolingType.MEAN)}


def make(tiny, out):
    for arch, (folder, config, pooling) in FILES.items():
        write(tiny / folder, out / f"{arch}.gguf", arch, json.loads((tiny / folder / config).read_text()), pooling)


def write(folder, path, arch, config, pooling):
    w = gguf.GGUFWriter(str(path), arch)
    w.add_name(f"tiny {path.stem}")
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_head_count(config["num_attention_heads"])
    w.add_layer_norm_eps(config["layer_norm_eps"])
    w.add_causal_attention(False)
    w.add_pooling_type(pooling)
    if "rope_parameters" in config:
        w.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    add_tokenizer(w, AutoTokenizer.from_pretrained(folder))
    for name, value in load_file(folder / "model.safetensors").items():
        if name.startswith("pooler."):
            continue
        name = gguf_name(name)
        matrix = value.ndim == 2 and not name.startswith(("position_embd", "token_types"))
        w.add_tensor(name, value.astype(np.float16 if matrix else np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def gguf_name(name):
    """encoder.layer.0.output.dense.weight -> blk.0.ffn_down.weight"""
    part, what = name.rsplit(".", 1)
    if part in TOP:
        return f"{TOP[part]}.{what}"
    _, _, index, rest = part.split(".", 3)
    return f"blk.{index}.{LAYER[rest]}.{what}"


def phantom(token):
    """As the converter spells a token: a sign before what begins a word, none before what goes on."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else "\u2581" + token


def add_tokenizer(w, tok):
    tokens = sorted(tok.get_vocab(), key=tok.get_vocab().get)
    w.add_tokenizer_model("bert")
    w.add_tokenizer_pre("default")
    w.add_token_type_count(2)
    w.add_token_list([phantom(t) for t in tokens])
    w.add_token_types([gguf.TokenType.CONTROL if t in tokenizing.BERT_SPECIALS else gguf.TokenType.NORMAL for t in tokens])
    w.add_unk_token_id(tok.unk_token_id)
    w.add_sep_token_id(tok.sep_token_id)
    w.add_pad_token_id(tok.pad_token_id)
    w.add_mask_token_id(tok.mask_token_id)
