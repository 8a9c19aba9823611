"""Prompts and tokenizer cases for the default model."""

PASSAGE = """The harbour pump of the northern dock was installed in spring. It draws water through a coarse grid and a fine filter, \
and it stops by itself when the level in the basin falls below forty centimetres. The fine filter must be cleaned every two weeks; \
in autumn, when leaves fall into the basin, every week. To clean it, switch the pump off at the wall, not at the panel, because the \
panel keeps the valves under pressure. Wait until the gauge shows zero. Turn the lid a quarter to the left, lift the basket, rinse it \
with clear water from the inside out and let it drip for a minute. A brush scratches the mesh and must not be used. When the basket is \
back in place, turn the lid until the two red marks meet, and open the small tap on top until water comes without bubbles. Only then \
switch the pump on again. If the gauge does not rise within thirty seconds, the lid is not closed, or the grid outside is blocked by \
weed. The dock master keeps the log of the cleanings in the grey cabinet beside the stairs: date, name and the reading of the gauge \
before and after are written down each time. When the reading after cleaning differs from the last one by more than half a bar, the \
workshop in the old town is called, and the pump stays off until somebody has looked at it. Spare baskets and seals lie in the second \
drawer of the same cabinet. The key to it hangs in the office behind the calendar."""


def chat(*turns):
    """ChatML as the model's own template writes it, ending where the assistant begins."""
    return "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns) + "<|im_start|>assistant\n"


PROMPTS = {
    "plain": "The lighthouse keeper climbed the stairs every evening because",
    "chat": chat(("system", "You are a helpful assistant for a bicycle workshop. Answer briefly."), ("user", "My brakes squeak when it rains. What can I do?")),
    "passage": chat(("system", "Answer from the text alone."), ("user", PASSAGE + "\n\nQuestion: Why must the pump be switched off at the wall?")),
    "code": "def fibonacci(n):\n    \"\"\"Return the first n Fibonacci numbers.\"\"\"\n",
    "other-language": "La capitale de la France est Paris, et la capitale de l'Italie est",
    "numbers": "1, 1, 2, 3, 5, 8, 13, 21, 34,   55, 89, 144, 2024-11-05: 3.14159;   12 x 12 =",
    "turns": chat(("system", "You are a helpful AI assistant named SmolLM, trained by Hugging Face"), ("user", "Name a fruit."),
                  ("assistant", "Apple."), ("user", "Another one, and say what colour it has.")),
    "list": "Shopping list for a vegetable soup:\n- carrots\n- onions\n-",
}

TOKENIZER_CASES = [
    "", " ", "  ", "     ", "a b", "a  b", "a   1", "  leading", "trailing  ", "\n", "\n\n\n", " \n \n", "a\r\nb\r\n", "\t\t\tx", "tab\tand space \t mixed",
    "2024", "in 2024, 3.14159", "x  12  y", "1234567890123456789", "½ ² Ⅳ ٣٤", "I'll, you'RE, they've; it's 'quoted'", "don’t “curl” — dash… end",
    "naïve café über façade", "e\u0301 vs \u00e9", "😀", "👩‍👩‍👧‍👦 family 🇫🇷 flag ✌🏽", "日本語のテキスト、中国。한국어", "مرحبا بالعالم ١٢٣", "שלום עולם",
    "\u200b\u200dzero\u00a0width\ufeff", "\x01\x02\x1b[31mred\x1b[0m\x7f", "a" * 100, " " * 70, "=" * 65 + "\n" + "-" * 33, "!?!?!?...###$$$%%%",
    "<|im_start|>user\nhi<|im_end|>\n", "text<|endoftext|>more <|im_end|> <|im_star|>", "<repo_name>x<file_sep> <filename>", "fn main() { println!(\"{}\", 0xFF_u8); } // ok",
    "https://example.org/a?b=c&d=%20#e", "snake_case camelCase SCREAMING_CASE x1y2", "ﷺ ﬁ Ａ １ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
]
