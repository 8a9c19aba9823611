"""One small tensor in each GGUF encoding: NAME.bin as the file holds it, NAME.f32 the values it means."""
import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

ROWS, COLUMNS, K_BLOCK = 4, 512, 256
TYPES = [Type.F32, Type.F16, Type.BF16, Type.Q8_0, Type.Q4_0, Type.Q4_1, Type.Q4_K, Type.Q5_K, Type.Q6_K]
K_TYPES = {Type.Q4_K, Type.Q5_K, Type.Q6_K}
# Of these gguf-py writes the first two only; the others are random bits. Where their half-precision scales stand.
LATER = {Type.Q5_0: None, Type.Q5_1: None, Type.Q2_K: (80, 82), Type.Q3_K: (108,), Type.IQ4_NL: (0,), Type.IQ4_XS: (0,),
         Type.MXFP4: ()}


def make(out):
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7)
    for kind in TYPES:
        raw = extreme_k(random, kind) if kind in K_TYPES else gguf.quants.quantize(values(random), kind)
        write(out, kind, raw)
    for kind, scales in LATER.items():
        write(out, kind, gguf.quants.quantize(values(random), kind) if scales is None else noise(random, kind, scales))


def write(out, kind, raw):
    stem = out / kind.name.lower()
    stem.with_suffix(".bin").write_bytes(raw.tobytes())
    stem.with_suffix(".f32").write_bytes(dequantize(raw, kind).astype("<f4").tobytes())


def noise(random, kind, scales):
    """Random bits, but for scales that are sane; MXFP4's lie around 1, and two are the subnormal ones."""
    numbers, width = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // numbers, width), dtype=np.uint8)
    for at in scales:
        halves = (0.01 * random.uniform(-1, 1, (len(blocks), 1))).astype("<f2")
        blocks[:, at:at + 2] = halves.view(np.uint8)
    if kind == Type.MXFP4:
        blocks[:, 0] = random.integers(110, 135, len(blocks))
        blocks[:2, 0] = 0, 1
    return blocks.reshape(ROWS, -1)


def dequantize(raw, kind):
    return gguf.quants.dequantize(raw, kind).astype(np.float32)


def values(random):
    """Weights of an ordinary size, then a block of zeros, one of tiny values, one constant and one with a spike."""
    w = random.normal(0, 0.08, (ROWS, COLUMNS)).astype(np.float32)
    w[1, :32] = 0
    w[1, 32:64] *= 1e-5
    w[2, :32] = 0.25
    w[3, 64] = -30
    return w


def random_k(random, kind, rows, columns, std=0.06):
    """Random K-quant blocks whose values have mean near 0 and about this standard deviation: every bit is in use.

    Layout, sizes in bytes: Q4_K d 2, dmin 2, scales 12, qs 128; Q5_K the same with qh 32 before qs;
    Q6_K ql 128, qh 64, scales 16 (signed), d 2. d and dmin are half precision.
    """
    n = rows * columns // K_BLOCK

    def noise(size):
        return random.integers(0, 256, (n, size), dtype=np.uint8)

    def halves(unit):
        return (std / unit * random.uniform(0.7, 1.3, (n, 1))).astype("<f2")
    if kind == Type.Q6_K:
        scales = random.integers(-32, 33, (n, 16)).astype(np.int8).view(np.uint8)
        parts = [noise(128), noise(64), scales, halves(350).view(np.uint8)]
    else:  # value = d*scale*q - dmin*min, so that dmin = d * mean(q) centres it
        unit, mean_q, sizes = {Type.Q4_K: (260, 7.5, [128]), Type.Q5_K: (530, 15.5, [32, 128])}[kind]
        d = halves(unit)
        dmin = (d.astype(np.float32) * mean_q).astype("<f2")
        parts = [d.view(np.uint8), dmin.view(np.uint8), noise(12), *map(noise, sizes)]
    return np.concatenate(parts, axis=1).reshape(rows, -1)


def extreme_k(random, kind):
    """Random blocks, of which one has d = 0, one a negative d and one a subnormal d."""
    raw = random_k(random, kind, ROWS, COLUMNS)
    d = raw.reshape(ROWS * COLUMNS // K_BLOCK, -1)
    at = d.shape[1] - 2 if kind == Type.Q6_K else 0
    for block, value in ((1, 0.0), (2, -0.001), (3, 3e-7)):
        d[block, at:at + 2] = np.array([value], "<f2").view(np.uint8)
    return raw
