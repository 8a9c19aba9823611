"""Tiny tokenizers: one byte-level BPE dressed as each family's, and one WordPiece."""
from collections import Counter

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from .texts import CORPUS

VOCAB = 384
BERT_VOCAB = 256
BERT_SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def split(digits):
    """The pre-tokenizer of Llama 3 (digits by three) and of Qwen (digit by digit)."""
    pattern = Regex(f"{CONTRACTION}|{WORDS}|{digits}|{REST}")
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(pattern, behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def smollm():
    """The pre-tokenizer of SmolLM2: every digit alone, then GPT-2's split."""
    return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])


def begin_with(token, token_id):
    """Puts a start token before every text, as Llama 3's and Mistral's tokenizers do."""
    return processors.TemplateProcessing(single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1", special_tokens=[(token, token_id)])


def byte_bpe(family):
    """The byte-level BPE of `family`, trained on CORPUS: 256 bytes, three special tokens, the rest merges."""
    tok = Tokenizer(models.BPE(ignore_merges=family == "llama3"))
    tok.pre_tokenizer = {"llama3": split(r"\p{N}{1,3}"), "qwen2": split(r"\p{N}"), "qwen3": split(r"\p{N}")}.get(family, smollm())
    if family.startswith("qwen"):
        tok.normalizer = normalizers.NFC()
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tok.post_processor = begin_with(SPECIALS[0], 0) if family in ("llama3", "mistral") else processors.ByteLevel(trim_offsets=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tok, bos_token=SPECIALS[0], eos_token=SPECIALS[2], pad_token=SPECIALS[0],
        chat_template=CHATML if family in ("llama", "qwen3") else None, clean_up_tokenization_spaces=False)


def word_piece():
    """A lower-casing WordPiece with BERT's special tokens."""
    tok = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces())}, unk_token="[UNK]"))
    tok.normalizer, tok.pre_tokenizer = bert_steps()
    tok.decoder = decoders.WordPiece()
    tok.add_special_tokens([AddedToken(s, special=True) for s in BERT_SPECIALS])
    tok.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tok, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]")


def bert_steps():
    return normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()


def pieces():
    """256 pieces of CORPUS: letters, then its commonest beginnings and endings. (The library's trainer depends on hash order.)"""
    normalizer, splitter = bert_steps()
    words = [w for text in CORPUS for w, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))]
    letters = sorted(set("".join(words)))
    parts = Counter(part for w in words for n in range(2, len(w) + 1) for part in {w[:n], "##" + w[-n:]} if part != "##" + w)
    common = sorted(parts, key=lambda part: (-parts[part] * len(part.lstrip("#")), part))
    every = BERT_SPECIALS + letters + ["##" + c for c in letters] + common
    return every[:BERT_VOCAB]
