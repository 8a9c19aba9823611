"""Asks the Wayside service on this machine: over its socket, or over TCP with a token.

    from wayside_client import Sentence, Wayside

    wayside = Wayside("/var/lib/wayside")
    answer = wayside.ask("How long is the warranty?")
    print(answer.text, [citation["document"] for citation in answer.citations])
    wayside.rate(answer.interaction, "up")

    for heard in wayside.stream("How long is the warranty?"):
        if isinstance(heard, Sentence):
            print(heard.text)
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Literal, Mapping, Optional, Union
from urllib.parse import quote, urlencode, urlsplit

__all__ = ["Answer", "Hit", "Problem", "Sentence", "Wayside", "Words"]


class Problem(Exception):
    """What the service did not answer, with its status and its code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Words:
    """The next words of an answer. Joined, they are its text."""

    text: str


@dataclass(frozen=True)
class Sentence:
    """A sentence as it is said, whole: a text-to-speech program can follow."""

    text: str
    kind: Optional[Literal["quote", "written", "free"]]
    gap: str = ""
    sources: list[int] = field(default_factory=list)
    citations: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """An answer, and what it rests on."""

    interaction: str
    found: bool
    text: str
    sentences: list[Mapping[str, Any]]
    citations: list[Mapping[str, Any]]
    whole: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Hit:
    """A passage that was found."""

    document: str
    section: str
    text: str
    score: float
    chunk: int


class _Socket(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Wayside:
    """The service of a home (its folder), or at an address (`http://127.0.0.1:7431`) with its token."""

    def __init__(self, where: Union[str, Path], token: Optional[str] = None, timeout: float = 300.0) -> None:
        self._where, self._token, self._timeout = str(where), token, timeout

    def ask(self, question: str, **settings: Any) -> Answer:
        """The answer to a question. `settings` are those of `/api/ask`: conversation, subject, collection, mode..."""
        return _answer(self._json("POST", "/api/ask", {"question": question, **settings}))

    def stream(self, question: str, **settings: Any) -> Iterator[Union[Words, Sentence, Answer]]:
        """Words as they come, sentences as they are sure, then the answer. Whoever stops reading stops the answer."""
        connection, response = self._send("POST", "/api/ask", {"question": question, "stream": True, **settings})
        try:
            name = ""
            for line in response:
                text = line.decode().rstrip("\n")
                if text.startswith("event: "):
                    name = text[7:]
                elif text.startswith("data: "):
                    data = json.loads(text[6:])
                    if "error" in data and name not in _EVENTS:
                        raise Problem(response.status, data["error"]["code"], data["error"]["message"])
                    if name in _EVENTS:
                        yield _EVENTS[name](data)
                    name = ""
        finally:
            connection.close()

    def search(self, query: str, k: int = 10, collection: Optional[str] = None) -> list[Hit]:
        """Passages by meaning and by words."""
        wanted = {"q": query, "k": k, **({"collection": collection} if collection else {})}
        hits = self._json("GET", f"/api/search?{urlencode(wanted)}")["hits"]
        return [Hit(**{name: hit[name] for name in Hit.__dataclass_fields__}) for hit in hits]

    def rate(self, interaction: str, rating: Literal["up", "down"]) -> None:
        """Keeps what somebody thought of an answer."""
        self._json("POST", f"/api/interactions/{quote(interaction, safe='')}/rating", {"rating": rating})

    def correct(self, interaction: str, correction: str) -> None:
        """Keeps what an answer should have been; over TCP with the staff token."""
        self._json("POST", f"/api/interactions/{quote(interaction, safe='')}/correction", {"correction": correction})

    def forget(self, conversation: str) -> None:
        """Forgets a conversation."""
        self._json("DELETE", f"/api/conversations/{quote(conversation, safe='')}")

    def _json(self, method: str, path: str, body: Optional[Mapping[str, Any]] = None) -> Any:
        connection, response = self._send(method, path, body)
        try:
            return json.loads(response.read())
        finally:
            connection.close()

    def _send(
        self, method: str, path: str, body: Optional[Mapping[str, Any]] = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        if self._where.startswith("http://"):
            connection = http.client.HTTPConnection(urlsplit(self._where).netloc, timeout=self._timeout)
        else:
            connection = _Socket(str(Path(self._where) / "serve.sock"), self._timeout)
        headers = {"content-type": "application/json"}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        if response.status >= 400:
            told = json.loads(response.read() or b"{}").get("error", {})
            connection.close()
            raise Problem(response.status, told.get("code", ""), told.get("message", response.reason))
        return connection, response


def _answer(data: Mapping[str, Any]) -> Answer:
    return Answer(data["interaction"], data["found"], data["answer"], data["sentences"], data["citations"], data)


def _sentence(data: Mapping[str, Any]) -> Sentence:
    return Sentence(**{name: data[name] for name in Sentence.__dataclass_fields__})


_EVENTS = {"words": lambda data: Words(data["text"]), "sentence": _sentence, "answer": _answer}
