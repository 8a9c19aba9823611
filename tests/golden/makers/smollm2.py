"""The default model itself: greedy continuations, logits and token ids from its GGUF, computed in float32."""
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer

from .common import write_json
from .smollm2_texts import PROMPTS, TOKENIZER_CASES

NEW_TOKENS, TOP = 48, 10


def make(gguf, out):
    tok = tokenizer(gguf)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).eval()
    write_json(out / "greedy.json", {name: continuation(model, tok, text) for name, text in PROMPTS.items()})
    write_json(out / "tokens.json", {"cases": [{"text": t, "ids": encode(tok, t)} for t in TOKENIZER_CASES]})


def tokenizer(gguf):
    """The GGUF's tokenizer with the split that its `tokenizer.ggml.pre = smollm` asks for.

    transformers reads the vocabulary and the merges but forgets that split (every digit alone, then GPT-2's), and so
    differs from llama.cpp and from the published tokenizer on "a   1".
    """
    tok = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    tok.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    return tok


def encode(tok, text):
    return tok(text, add_special_tokens=False).input_ids


@torch.no_grad()
def continuation(model, tok, text):
    """The prompt's ids, the best logits after it, and the greedy tokens with their margins over the runner-up."""
    ids = encode(tok, text)
    result = {"prompt": text, "ids": ids, "top_logits": None, "greedy": [], "runner_up": [], "margin": []}
    step, cache = torch.tensor([ids]), None
    for _ in range(NEW_TOKENS):
        output = model(input_ids=step, past_key_values=cache, use_cache=True)
        cache, best = output.past_key_values, output.logits[0, -1].topk(TOP)
        values, tokens = best.values.tolist(), best.indices.tolist()
        result["top_logits"] = result["top_logits"] or [[t, round(v, 6)] for t, v in zip(tokens, values)]
        result["greedy"].append(tokens[0])
        result["runner_up"].append(tokens[1])
        result["margin"].append(round(values[0] - values[1], 6))
        if tokens[0] == model.config.eos_token_id:
            break
        step = best.indices[:1].reshape(1, 1)
    return result | {"text": tok.decode(result["greedy"], skip_special_tokens=False)}
