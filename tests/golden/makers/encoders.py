"""Tiny random BERT encoders in sentence-transformers folders, with the vectors they must give."""
import json

import torch
from transformers import BertConfig, BertModel

from . import tokenizing
from .common import round_to_int8, rounded, write_json
from .decoders import randomize
from .texts import BERT_TEXTS

# folder: (pooling, stored dtype, layers, does the folder end with a Normalize module)
FOLDERS = {"bert-mean": ("mean", torch.float32, 1, False), "bert-cls": ("cls", torch.float16, 2, True)}


def make(out):
    for seed, (name, (pooling, dtype, layers, normalize)) in enumerate(FOLDERS.items(), start=1):
        make_one(out / name, seed, pooling, dtype, layers, normalize)


def make_one(folder, seed, pooling, dtype, layers, normalize):
    tok = tokenizing.word_piece()
    config = BertConfig(vocab_size=len(tok), hidden_size=64, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=96, max_position_embeddings=64)
    randomize(BertModel(config), seed).to(dtype).save_pretrained(folder)
    tok.model_max_length = config.max_position_embeddings
    tok.save_pretrained(folder)
    write_modules(folder, pooling, normalize, config)

    batch = tok(BERT_TEXTS, padding=True, return_tensors="pt")
    expected = {
        "seed": seed, "dtype": str(dtype).removeprefix("torch."), "pooling": pooling, "normalize": normalize, "texts": BERT_TEXTS,
        "ids": tok(BERT_TEXTS).input_ids, "batch_ids": batch.input_ids.tolist(), "batch_attention": batch.attention_mask.tolist(),
    }
    for suffix, change in (("", lambda m: m), ("_int8", round_to_int8)):
        model = change(BertModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval())
        pooled = sentence_vectors(model, batch, pooling)
        expected["pooled" + suffix] = rounded(pooled)
        expected["normalized" + suffix] = rounded(torch.nn.functional.normalize(pooled, dim=1))
    write_json(folder / "expected.json", expected)


@torch.no_grad()
def sentence_vectors(model, batch, pooling):
    """One vector a text, not normalised: the mean over its real tokens, or the first token's."""
    hidden = model(**batch).last_hidden_state
    if pooling == "cls":
        return hidden[:, 0]
    mask = batch["attention_mask"].unsqueeze(-1).float()
    return (hidden * mask).sum(1) / mask.sum(1)


def write_modules(folder, pooling, normalize, config):
    """The files that sentence-transformers adds to a folder."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")][: 3 if normalize else 2]
    files = {
        "modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in enumerate(modules)],
        "sentence_bert_config.json": {"max_seq_length": config.max_position_embeddings, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": config.hidden_size} | {
            f"pooling_mode_{mode}": mode == f"{pooling}_token{'s' if pooling == 'mean' else ''}"
            for mode in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
        },
    }
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(json.dumps(content, indent=2) + "\n")
