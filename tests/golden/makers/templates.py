"""Chat templates rendered as transformers renders them: the default model's own, and five that use what others' use."""
from datetime import datetime
from pathlib import Path

import gguf
import jinja2
from transformers.utils import chat_template_utils

from .common import write_json

NOW = datetime(2024, 7, 6, 9, 5)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
TOOLS = [{"type": "function", "function": {
    "name": "find_part", "description": "Finds a part by its <number> & says \"where\" it lies",
    "parameters": {"type": "object", "properties": {"number": {"type": "string", "description": "e.g. 0471-22-B, größe"}}, "required": ["number"]}}}]


def turns(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


MESSAGES = {
    "one": turns(("user", "Hello")),
    "system": turns(("system", " Be brief. \n"), ("user", "What is 2 < 3 & \"why\"?")),
    "many": turns(("system", "Be brief."), ("user", "  Hi \n"), ("assistant", " Hello! "), ("user", "Ça va? 日本語 😀"), ("assistant", "Oui.\n\n"), ("user", "{{ 1 + 1 }} {% if %}")),
    "answered": turns(("user", "Hi"), ("assistant", "Hello")),
    "twice": turns(("user", "Hi"), ("user", "Again")),
    "role": turns(("user", "Hi"), ("critic", "Bad")),
    "late-system": turns(("user", "Hi"), ("assistant", "Hello"), ("system", "Be rude."), ("user", "And now?")),
    "calls": [*turns(("user", "Where is 0471?")), {"role": "assistant", "content": "", "tool_calls": [
        {"type": "function", "function": {"name": "find_part", "arguments": {"number": "0471-22-B", "exact": True}}},
        {"name": "find_part", "arguments": {"number": "größe"}}]},
        *turns(("tool", "shelf 3"), ("tool", "{\"found\": false}"), ("assistant", "On shelf 3."), ("user", "Thanks"))],
    "thoughts": turns(("user", "2+2?"), ("assistant", "<think>\nEasy.\n</think>\n\n4"), ("user", "3+3?"), ("assistant", "<think>\nAlso easy.\n</think>\n\n6")),
    "reasoning": [*turns(("user", "2+2?")), {"role": "assistant", "content": "4", "reasoning_content": "\nEasy.\n"}],
    "results": turns(("user", "2+2?"), ("assistant", "<think>\nI look.\n</think>\n\nWait."), ("user", "<result>\n4\n</result>"), ("assistant", "4")),
    "parts": [{"role": "user", "content": [{"type": "text", "text": "Look: "}, {"type": "image"}, {"type": "text", "text": "what is it?"}]}],
}

# template: the message lists it is rendered with
PLAN = {
    "smollm2": ["one", "system", "many", "answered", "twice", "role", "late-system"],
    "headers": ["one", "system", "many", "answered"],
    "brackets": ["one", "system", "many", "answered", "twice", "role"],
    "calls": ["one", "system", "many", "late-system", "calls"],
    "thinking": ["one", "many", "thoughts", "reasoning", "results", "parts"],
    "features": ["one", "many", "reasoning"],
}
# (template, message list, what else the template sees)
MORE = [
    ("headers", "one", {"date_string": "26 Jul 2024"}), ("headers", "system", {"tools": TOOLS}), ("calls", "one", {"tools": TOOLS}),
    ("calls", "calls", {"tools": TOOLS}), ("thinking", "one", {"enable_thinking": False}), ("thinking", "one", {"enable_thinking": True}),
]


def make(model, out):
    texts = {name: source(name) for name in PLAN if name != "smollm2"}
    texts["smollm2"] = gguf.GGUFReader(model).fields["tokenizer.chat_template"].contents()
    plan = [(template, messages, {}) for template, lists in PLAN.items() for messages in lists] + MORE
    cases = [case(texts, *entry, prompt) for entry in plan for prompt in (False, True)]
    write_json(out, {"now": NOW.isoformat(), "tokens": TOKENS, "tools": TOOLS, "templates": texts, "messages": MESSAGES, "cases": cases})


def source(name):
    return (Path(__file__).parent / "templates" / f"{name}.jinja").read_text()


def case(texts, template, messages, variables, prompt):
    """One rendering, or the message of the exception that the template raised."""
    result = {"template": template, "messages": messages, "add_generation_prompt": prompt, "variables": variables}
    try:
        return result | {"rendered": render(texts[template], MESSAGES[messages], prompt, variables)}
    except jinja2.exceptions.TemplateError as error:
        return result | {"error": error.message}


def render(template, messages, prompt, variables):
    """`apply_chat_template` without a tokenizer, and at a fixed time. Absent tools are None to a template, not undefined."""
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW
    real, chat_template_utils.datetime = chat_template_utils.datetime, Clock
    try:
        variables = TOKENS | variables
        rendered, _ = chat_template_utils.render_jinja_template(
            [messages], tools=variables.pop("tools", None), chat_template=template, add_generation_prompt=prompt, **variables)
        return rendered[0]
    finally:
        chat_template_utils.datetime = real
