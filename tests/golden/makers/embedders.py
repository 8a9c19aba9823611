"""Tiny random encoders of the families beside BERT, in sentence-transformers folders, with the vectors they must give."""
import json

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModel, DistilBertConfig, ModernBertConfig, MPNetConfig, NomicBertConfig, PreTrainedTokenizerFast, Qwen3Config, RobertaConfig, XLMRobertaConfig)

from . import tokenizing
from .common import round_to_int8, rounded, write_json
from .decoders import randomize
from .texts import BERT_TEXTS, CORPUS

CONTEXT, WIDTH, INNER = 64, 64, 96
SHAPE = dict(hidden_size=WIDTH, num_hidden_layers=1, num_attention_heads=2, intermediate_size=INNER)
TEXTS = BERT_TEXTS + [" ".join(CORPUS[:3])]  # the last is cut at the context
DENSE = 32
POOLINGS = {"cls": "cls_token", "mean": "mean_tokens", "max": "max_tokens", "lasttoken": "lasttoken"}
# folder: (configuration, pooling, stored dtype, layer behind the pooling: none, or whether it has a bias and a tanh)
FOLDERS = {
    "xlm-roberta": (lambda n: XLMRobertaConfig(vocab_size=n, max_position_embeddings=CONTEXT + 2, type_vocab_size=1, **SHAPE), "mean", torch.float16, None),
    "roberta": (lambda n: RobertaConfig(vocab_size=n, max_position_embeddings=CONTEXT + 2, type_vocab_size=1, **SHAPE), "lasttoken", torch.float16, None),
    "distilbert": (lambda n: DistilBertConfig(
        vocab_size=n, max_position_embeddings=CONTEXT, dim=WIDTH, n_layers=1, n_heads=2, hidden_dim=INNER), "max", torch.float16, True),
    "mpnet": (lambda n: MPNetConfig(vocab_size=n, max_position_embeddings=CONTEXT + 2, **SHAPE), "mean", torch.float16, False),
    "nomic": (lambda n: NomicBertConfig(vocab_size=n, max_position_embeddings=CONTEXT, **SHAPE), "mean", torch.float16, None),
    "modernbert": (lambda n: ModernBertConfig(
        vocab_size=n, max_position_embeddings=CONTEXT, local_attention=8, pad_token_id=0, eos_token_id=2, bos_token_id=1, cls_token_id=1, sep_token_id=2,
        **SHAPE | {"num_hidden_layers": 2}), "cls", torch.float16, None),
    # A language model that gives vectors; two layers, or it would not matter what a token sees behind it.
    "qwen3-embedding": (lambda n: Qwen3Config(
        vocab_size=n, max_position_embeddings=CONTEXT, num_key_value_heads=1, head_dim=32, bos_token_id=0, eos_token_id=2, tie_word_embeddings=True,
        **SHAPE | {"num_hidden_layers": 2, "intermediate_size": 64}), "lasttoken", torch.bfloat16, None),
}


def make(out):
    for seed, (name, how) in enumerate(FOLDERS.items(), start=11):
        make_one(out / name, name, seed, *how)


def make_one(folder, name, seed, configured, pooling, dtype, dense):
    tok = tokenizer(name)
    config = configured(len(tok))
    model = AutoModel.from_config(config)
    randomize(model, seed).to(dtype).save_pretrained(folder)
    tok.model_max_length = CONTEXT
    tok.save_pretrained(folder)
    layer = write_modules(folder, pooling, dense, seed)
    if name == "nomic":
        write_as_published(folder)
    if name == "modernbert":
        write_older_config(folder)
    expected = {"seed": seed, "dtype": str(dtype).removeprefix("torch."), "pooling": pooling, "texts": TEXTS}
    write_json(folder / "expected.json", expected | vectors(folder, config, tok, pooling, layer))


def vectors(folder, config, tok, pooling, layer):
    """The ids of all texts and their unit vectors, of weights as stored and as int8; of these also for each pooling."""
    batch = tok(TEXTS, padding=True, truncation=True, return_tensors="pt")
    found = {"ids": tok(TEXTS, truncation=True).input_ids}
    for suffix, change in (("", lambda m: m), ("_int8", round_to_int8)):
        model = AutoModel.from_pretrained(folder, config=config, dtype=torch.float32, attn_implementation="eager").eval()
        found["normalized" + suffix] = unit(pooled(change(model), batch, pooling, layer))
    found["poolings"] = {mode: unit(pooled(model, batch, mode, layer)) for mode in POOLINGS}
    return found


def unit(vectors):
    return rounded(torch.nn.functional.normalize(vectors, dim=1))


@torch.no_grad()
def pooled(model, batch, pooling, layer):
    """One vector a text, as sentence-transformers' Pooling and Dense make it."""
    accepted = {k: v for k, v in batch.items() if k in ("input_ids", "attention_mask")}
    hidden, mask = model(**accepted).last_hidden_state, batch["attention_mask"].unsqueeze(-1).float()
    if pooling == "cls":
        found = hidden[:, 0]
    elif pooling == "lasttoken":
        found = hidden[torch.arange(len(hidden)), batch["attention_mask"].sum(1) - 1]
    elif pooling == "max":
        found = hidden.masked_fill(mask == 0, -1e9).max(1).values
    else:
        found = (hidden * mask).sum(1) / mask.sum(1)
    return layer(found) if layer else found


def write_modules(folder, pooling, dense, seed):
    """The files that sentence-transformers adds to a folder. Returns the layer behind the pooling, if there is one."""
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Dense", "Dense")] if dense is not None else [])
    files = {
        "modules.json": [{"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in enumerate(modules)],
        "sentence_bert_config.json": {"max_seq_length": CONTEXT, "do_lower_case": False},
        "1_Pooling/config.json": {"word_embedding_dimension": WIDTH} | {f"pooling_mode_{name}": pooling == mode for mode, name in POOLINGS.items()},
    }
    layer = None
    if dense is not None:
        kind = "activation.Tanh" if dense else "linear.Identity"
        files["2_Dense/config.json"] = {"in_features": WIDTH, "out_features": DENSE, "bias": dense, "activation_function": f"torch.nn.modules.{kind}"}
        linear, random = torch.nn.Linear(WIDTH, DENSE, bias=dense), torch.Generator().manual_seed(seed)
        for _, p in sorted(linear.named_parameters()):
            p.data.normal_(0, 0.2, generator=random)
        (folder / "2_Dense").mkdir(exist_ok=True)
        save_file({f"linear.{k}": v.detach().contiguous() for k, v in linear.state_dict().items()}, folder / "2_Dense/model.safetensors")
        layer = torch.nn.Sequential(linear, torch.nn.Tanh() if dense else torch.nn.Identity())
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(json.dumps(content, indent=2) + "\n")
    return layer


def write_as_published(folder):
    """config.json with the keys of the code that Nomic publishes beside its models; config.v5.json is transformers' own."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.v5.json").write_text(json.dumps(config, indent=2) + "\n")
    published = {
        "architectures": ["NomicBertModel"], "model_type": "nomic_bert", "activation_function": "swiglu", "causal": False, "n_embd": config["hidden_size"],
        "n_head": config["num_attention_heads"], "n_inner": config["intermediate_size"], "n_layer": config["num_hidden_layers"], "n_positions": 8192,
        "max_trained_positions": CONTEXT, "layer_norm_epsilon": config["layer_norm_eps"], "mlp_fc1_bias": False, "mlp_fc2_bias": False, "qkv_proj_bias": False,
        "prenorm": False, "parallel_block": False, "rotary_emb_base": 1000, "rotary_emb_fraction": 1.0, "rotary_emb_interleaved": False,
        "rotary_emb_scale_base": None, "rotary_scaling_factor": 2, "type_vocab_size": 2, "use_rms_norm": False, "vocab_size": config["vocab_size"],
    }
    (folder / "config.json").write_text(json.dumps(published, indent=2) + "\n")


def write_older_config(folder):
    """config.v4.json: the same configuration as folders published before transformers 5 spell it."""
    config = json.loads((folder / "config.json").read_text())
    ropes = config.pop("rope_parameters")
    config.pop("layer_types")
    config |= {"global_attn_every_n_layers": 3, "global_rope_theta": ropes["full_attention"]["rope_theta"], "local_rope_theta": ropes["sliding_attention"]["rope_theta"]}
    (folder / "config.v4.json").write_text(json.dumps(config, indent=2) + "\n")


def tokenizer(name):
    if name == "xlm-roberta":
        return unigram()
    if name in ("roberta", "modernbert"):
        return byte_level(name)
    if name == "mpnet":
        return mpnet()
    if name == "qwen3-embedding":
        tok = tokenizing.byte_bpe("qwen3")
        end = tokenizing.SPECIALS[0]
        tok.backend_tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {end}", pair=f"$A $B {end}", special_tokens=[(end, 0)])
        tok.chat_template = None
        return tok
    return tokenizing.word_piece()


def around(begin, end):
    return processors.TemplateProcessing(single=f"{begin[0]} $A {end[0]}", pair=f"{begin[0]} $A {end[0]} $B {end[0]}", special_tokens=[begin, end])


def unigram():
    """SentencePiece's pieces with scores: letters, and the commonest beginnings and endings of words."""
    words = [piece.removeprefix("##") if piece.startswith("##") else "\u2581" + piece for piece in tokenizing.pieces()[len(tokenizing.BERT_SPECIALS):]]
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    every = list(dict.fromkeys(specials + ["\u2581"] + words))[:tokenizing.BERT_VOCAB]
    tok = Tokenizer(models.Unigram([(piece, 0.0 if piece in specials else -3.0 - 0.01 * i) for i, piece in enumerate(every)], unk_id=3))
    tok.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tok.pre_tokenizer, tok.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    tok.add_special_tokens([AddedToken(s, special=True) for s in specials])
    tok.post_processor = around(("<s>", 0), ("</s>", 2))
    return PreTrainedTokenizerFast(tokenizer_object=tok, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>")


def byte_level(name):
    """The byte-level BPE of `tokenizing`, with a token before and one behind every text."""
    tok = tokenizing.byte_bpe("smollm").backend_tokenizer
    roberta = name == "roberta"
    names = dict(zip(tokenizing.SPECIALS, (["<s>", "<pad>", "</s>"] if roberta else ["[PAD]", "[CLS]", "[SEP]"])))
    spelled = json.loads(tok.to_str())
    spelled["model"]["vocab"] = {names.get(piece, piece): at for piece, at in spelled["model"]["vocab"].items()}
    spelled["added_tokens"] = [token | {"content": names[token["content"]]} for token in spelled["added_tokens"]]
    tok = Tokenizer.from_str(json.dumps(spelled))
    first, last, pad = ("<s>", "</s>", "<pad>") if roberta else ("[CLS]", "[SEP]", "[PAD]")
    tok.post_processor = around((first, tok.token_to_id(first)), (last, tok.token_to_id(last)))
    return PreTrainedTokenizerFast(tokenizer_object=tok, cls_token=first, sep_token=last, pad_token=pad)


def mpnet():
    """A WordPiece whose special tokens are RoBERTa's."""
    specials = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    every = specials + tokenizing.pieces()[len(tokenizing.BERT_SPECIALS):]
    tok = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(every)}, unk_token="[UNK]"))
    tok.normalizer, tok.pre_tokenizer = tokenizing.bert_steps()
    tok.decoder = decoders.WordPiece()
    tok.add_special_tokens([AddedToken(s, special=True) for s in specials])
    tok.post_processor = around(("<s>", 0), ("</s>", 2))
    return PreTrainedTokenizerFast(tokenizer_object=tok, unk_token="[UNK]", cls_token="<s>", sep_token="</s>", pad_token="<pad>", mask_token="<mask>")
