#!/usr/bin/env python3
"""Makes the reference fixtures beside this file; README.md says what each is and how closely to hold code to it.

    pip install -r tests/golden/requirements.txt
    tests/golden/make.py tiny
    tests/golden/make.py gguf
    tests/golden/make.py ready
    tests/golden/make.py lora
    tests/golden/make.py signing
    tests/golden/make.py nano_e5
    tests/golden/make.py smollm2 SmolLM2-135M-Instruct.Q4_1.gguf
    tests/golden/make.py minilm FOLDER       the unpacked all-MiniLM-L6-v2
    tests/golden/make.py template SmolLM2-135M-Instruct.Q4_1.gguf

Made with Python 3.11 and the versions in requirements.txt. Seeds are fixed: another machine gives the same files up to
the last digit of float32 sums.
"""
import argparse
import logging
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # every input is a local path
logging.getLogger("transformers").setLevel(logging.ERROR)
HERE = Path(__file__).resolve().parent


def tiny(args):
    from makers import decoders, embedders, encoders
    decoders.make(args.out / "tiny")
    encoders.make(args.out / "tiny")
    embedders.make(args.out / "tiny")


def smollm2(args):
    from makers import smollm2
    smollm2.make(args.input, args.out / "smollm2")


def minilm(args):
    from makers import minilm
    minilm.make(args.input, args.out / "minilm")


def gguf(args):
    from makers import blocks, gguf_embedders, gguf_models
    blocks.make(args.out / "gguf")
    gguf_models.make(args.out / "tiny", args.out / "gguf")
    gguf_embedders.make(args.out / "tiny", args.out / "gguf")


def ready(args):
    from makers import ready
    ready.make(args.out / "ready")


def nano_e5(args):
    from makers import nano_e5
    nano_e5.make(args.out / "nano_e5")


def lora(args):
    from makers import lora
    lora.make(args.out / "tiny", args.out / "gguf", args.out / "lora")


def signing(args):
    from makers import signing
    signing.make(args.out / "signing")


def template(args):
    from makers import templates
    templates.make(args.input, args.out / "template.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="where the fixtures go (default: beside this file)")
    commands = parser.add_subparsers(dest="command", required=True)
    for make, needs_input in ((tiny, False), (gguf, False), (ready, False), (lora, False), (signing, False),
                              (nano_e5, False), (smollm2, True), (minilm, True), (template, True)):
        command = commands.add_parser(make.__name__)
        command.set_defaults(make=make)
        if needs_input:
            command.add_argument("input", type=Path)
    args = parser.parse_args()
    args.make(args)


if __name__ == "__main__":
    main()
