"""One tiny llama as other tools export it: by onnxruntime-genai's model builder, and in Optimum's layout.

    ready/genai/     GroupQueryAttention, `genai_config.json`, weights in `model.onnx.data`
    ready/optimum/   plain ONNX operators, `position_ids`, each present a longer copy of its past
    ready/expected.json
"""
import shutil
import tempfile
from itertools import count

import onnx
import torch
from onnxruntime_genai.models.builder import create_model, parse_extra_options
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.cache_utils import DynamicCache

from . import tokenizing
from .common import greedy, write_json
from .decoders import CLEAR, COMMON, LAST, NEW_TOKENS, PROMPT_TOKENS, VARIED, last_logits, load, randomize, rounded
from .texts import DECODER_PROMPT

CHANGES = dict(hidden_size=16, intermediate_size=32, num_attention_heads=2, head_dim=16, max_position_embeddings=64, tie_word_embeddings=True)
WIDER = 4  # so narrow a model has flat logits with weights as small as the other decoders'


def make(out):
    tok = tokenizing.byte_bpe("llama")
    ids = tok(DECODER_PROMPT).input_ids[:PROMPT_TOKENS]
    with tempfile.TemporaryDirectory() as source:
        seed, model = first_clear_seed(ids)
        model.save_pretrained(source)
        tok.save_pretrained(source)
        model = load(source)
        tokens, runners, margins = greedy(model, ids, NEW_TOKENS)
        write_json(out / "expected.json", {
            "seed": seed, "input_ids": ids, "greedy": tokens, "runner_up": runners, "margin": margins,
            "positions": list(range(len(ids) - LAST, len(ids))), "logits": rounded(last_logits(model, ids)),
        })
        genai(source, out / "genai")
        optimum(model, source, out / "optimum")


def first_clear_seed(ids):
    """The first seed whose greedy continuation is unambiguous and varied."""
    config = AutoConfig.for_model("llama", **(COMMON | CHANGES))
    for seed in count(1):
        model = randomize(AutoModelForCausalLM.from_config(config, attn_implementation="eager"), seed).eval()
        with torch.no_grad():
            for p in (p for p in model.parameters() if p.dim() == 2):
                p.mul_(WIDER)
        tokens, _, margins = greedy(model, ids, NEW_TOKENS, clear=CLEAR)
        if min(margins) >= CLEAR and len(set(tokens)) >= VARIED and config.eos_token_id not in tokens:
            return seed, model


def genai(source, out):
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as cache:
        options = parse_extra_options(source, source, str(out), "fp32", "cpu", cache, [])
        create_model(source, source, str(out), "fp32", "cpu", cache, **options)


class WithPast(torch.nn.Module):
    """The model with its cache as plain arguments and results."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, position_ids, *past):
        cache = DynamicCache()
        for layer in range(len(past) // 2):
            cache.update(past[2 * layer], past[2 * layer + 1], layer)
        # Optimum too gives the mask in full: transformers' own making of it does not trace.
        keys = torch.arange(attention_mask.shape[1])
        seen = (keys[None, None, None, :] <= position_ids[:, None, :, None]) & (attention_mask[:, None, None, :] > 0)
        mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)
        result = self.model(input_ids=input_ids, attention_mask=mask, position_ids=position_ids, past_key_values=cache, use_cache=True)
        return result.logits, *(side for layer in result.past_key_values.layers for side in (layer.keys, layer.values))


def optimum(model, source, out):
    """Names, axes and files as Optimum's export of `text-generation-with-past` has them."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("*.safetensors"))
    config, new, before = model.config, 3, 5
    past = [f"past_key_values.{layer}.{side}" for layer in range(config.num_hidden_layers) for side in ("key", "value")]
    present = [name.replace("past_key_values", "present") for name in past]
    total = "past_sequence_length + sequence_length"
    axes = {name: {0: "batch_size", 1: "sequence_length"} for name in ("input_ids", "position_ids", "logits")}
    axes |= {"attention_mask": {0: "batch_size", 1: total}}
    axes |= {name: {0: "batch_size", 2: "past_sequence_length"} for name in past} | {name: {0: "batch_size", 2: total} for name in present}
    arguments = (
        torch.ones(1, new, dtype=torch.long), torch.ones(1, before + new, dtype=torch.long), torch.arange(before, before + new)[None],
        *(torch.zeros(1, config.num_key_value_heads, before, config.head_dim) for _ in past))
    path = out / "model.onnx"
    torch.onnx.export(
        WithPast(model), arguments, str(path), input_names=["input_ids", "attention_mask", "position_ids", *past],
        output_names=["logits", *present], dynamic_axes=axes, opset_version=18, dynamo=False,
        do_constant_folding=False)  # it would store the tied head a second time
    exported = onnx.load(path)
    for node in exported.graph.node:
        node.name = node.doc_string = ""
        node.ClearField("metadata_props")
    onnx.save(exported, path)
