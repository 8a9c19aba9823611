"""Asks the service of a home, and says each sentence once it is sure.

    wayside --home HOME serve &
    pip install cross/python
    python3 examples/ask.py HOME "How long is the warranty?"
"""

import sys

from wayside_client import Answer, Sentence, Wayside

home, question = sys.argv[1:]
for heard in Wayside(home).stream(question):
    if isinstance(heard, Sentence):
        print(heard.text, flush=True)
    elif isinstance(heard, Answer):
        print([citation["document"] for citation in heard.citations])
