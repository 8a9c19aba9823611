"""The default embedder itself: token ids and sentence vectors (mean over the real tokens, unit length) in float32."""
import json

import torch
from transformers import AutoModel, AutoTokenizer

from .common import rounded, write_json
from .encoders import sentence_vectors
from .smollm2_texts import PASSAGE

TEXTS = [
    "How do I clean the filter?",
    "The fine filter must be cleaned every two weeks; in autumn every week.",
    "Opening hours: Mon-Fri 9:00-17:30, Sat 10-14.",
    "Où est la clé? ÜBERGRÖSSE naïve café — 日本語 😀",
    "",
    PASSAGE,  # about 300 tokens: past the limit, so it shows where the text is cut
]


def make(folder, out):
    tok, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    ids, vectors = [], []
    for text in TEXTS:
        batch = tok(text, truncation=True, max_length=limit, padding=False, return_tensors="pt")
        ids.append(batch.input_ids[0].tolist())
        vectors.append(torch.nn.functional.normalize(sentence_vectors(model, batch, "mean"), dim=1)[0])
    write_json(out / "vectors.json", {"max_tokens": limit, "texts": TEXTS, "ids": ids, "vectors": rounded(torch.stack(vectors))})
