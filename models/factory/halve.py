"""Copies an adapter's two files of PEFT's with the factors as float16: half the bytes, and what serves rounds more.

    python3 halve.py FROM TO
"""

import json
import shutil
import struct
import sys
from pathlib import Path


def halve(source, target):
    """Rewrites one safetensors file; shapes and names stay."""
    data = source.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    halved, out = {}, b""
    for name, about in header.items():
        if name == "__metadata__":
            halved[name] = about
            continue
        begin, end = about["data_offsets"]
        count = (end - begin) // 4
        numbers = struct.unpack(f"<{count}f", body[begin:end])
        packed = struct.pack(f"<{count}e", *numbers)
        halved[name] = {"dtype": "F16", "shape": about["shape"], "data_offsets": [len(out), len(out) + len(packed)]}
        out += packed
    text = json.dumps(halved, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    target.write_bytes(struct.pack("<Q", len(text)) + text + out)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    shutil.copy(source / "adapter_config.json", target)
    halve(source / "adapter_model.safetensors", target / "adapter_model.safetensors")
