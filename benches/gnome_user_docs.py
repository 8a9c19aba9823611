"""Turns Debian's gnome-user-docs into documents and questions, to measure retrieval and training on. Run by hand:

    apt-get download gnome-user-docs
    python3 gnome_user_docs.py gnome-user-docs_*.deb OUT

The source is the package, or a folder with its *.page files (Mallard XML); Python's standard library and, for a
package, dpkg-deb are all it takes. The texts are CC BY-SA 3.0, GNOME Documentation Project; nothing of them is kept in
this repository.

    OUT/documents/<page>.md        every page: title, text, steps as a numbered list
    OUT/train.jsonl, test.jsonl    a question and its answer for each page that says something, in the chat format
    OUT/lm/train/, OUT/lm/test/    the documents again, for language modelling

Train and test are four to one: a page is a test when the SHA-256 of its id is a multiple of 5. So the split is the same
everywhere, for the questions and for language modelling.

A question is the page's title as a person would ask it, by the first of these rules that fits, and no others:

    ends with a question mark                             as it is
    begins with a verb in the base form, or "How to"      "How do I <title>?"
    begins with "What to" or "Where to"                   "What should I <title>?"
    begins with "I" or "My", or says what is, or is not   "<title>. What can I do?"
    anything else                                         "What should I know about <title>?"

The verbs are a list below, so "Print envelopes" is taken for a command and "Printer problems" is not. In all but the
first, "you" and "your" become "I" and "my". Where pages share a title, the subtitle takes its place.

An answer is the page's opening and its first steps; for a page without steps, its text from the beginning. It ends after
a whole sentence or step, at about 200 words. Pages that are mere indexes, with no steps and fewer than 30 words, have no
question, but are documents all the same.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

MALLARD = "{http://projectmallard.org/1.0/}"
IF = "{http://projectmallard.org/if/1.0/}"

# Words of an answer, of its opening where steps follow, and of the shortest page without steps that has a question.
ANSWER, OPENING, INDEX = 200, 80, 30

VERBS = set("""
    add adjust automatically back browse cancel change check choose click configure connect control copy create customize
    define delete determine disconnect edit enable enter find flash format gather get have hide import link lock log
    magnify make manage manually map maximize move navigate open participate perform pin preview print purge read record
    recover remove rename repair resize restore safely search select send set share show simulate sort start stop switch
    take tap test tile turn unlink use wipe write
""".split())
# A title that holds one of these is a sentence: something is the matter.
FINITE = set("is isn’t are aren’t can’t cannot won’t doesn’t locks reacts seems".split())


def tag(element):
    """The element's name in Mallard; empty for comments and for elements of other vocabularies."""
    name = element.tag if isinstance(element.tag, str) else ""
    return name.removeprefix(MALLARD) if name.startswith(MALLARD) else ""


def holds(test):
    """Mallard's conditions on a plain desktop, where no named platform or target is the case: tokens are all needed,
    alternatives stand between commas."""
    return any(all(token.startswith("!") for token in choice.split()) for choice in test.split(","))


def children(element):
    """The children that apply here, conditions resolved."""
    for child in element:
        if not holds(child.get(IF + "test", "!")):
            continue
        if child.tag == IF + "if":
            yield from children(child) if holds(child.get("test", "!")) else ()
        elif child.tag == IF + "choose":
            cases = (c for c in child if c.tag == IF + "else" or c.tag == IF + "when" and holds(c.get("test", "!")))
            yield from children(next(cases, ()))
        elif tag(child):
            yield child


def inline(element):
    """The text of a paragraph or title on one line."""
    parts = [element.text or ""]
    for child in element:
        name = tag(child)
        if name in ("keyseq", "guiseq"):
            parts.append({"keyseq": "+", "guiseq": " > "}[name].join(inline(c) for c in child))
        elif holds(child.get(IF + "test", "!")):
            # An image says in words what it shows.
            parts.append(inline(child))
        parts.append(child.tail or "")
    return " ".join("".join(parts).split())


def blocks(element, depth=2):
    """The text below an element as Markdown blocks: pairs of a kind (heading, text, steps) and lines."""
    for child in children(element):
        name = tag(child)
        if name == "p":
            yield "text", [inline(child)]
        elif name == "title" and tag(element) == "section":
            yield "heading", [f"{'#' * depth} {inline(child)}"]
        elif name == "title" and tag(element) != "page":
            yield "text", [f"**{inline(child).rstrip(':.')}**"]
        elif name == "section":
            yield from blocks(child, depth + (depth < 6 and tag(element) == "section"))
        elif name in ("steps", "list"):
            is_numbered = name == "steps" or "numbered" in child.get("style", "")
            marks = (f"{n}. " for n in range(1, 1000)) if is_numbered else iter(lambda: "- ", None)
            yield ("steps" if name == "steps" else "text"), listed(children(child), marks)
        elif name == "terms":
            yield "text", listed(children(child), iter(lambda: "- ", None))
        elif name == "table":
            title = child.find(MALLARD + "title")
            yield "text", [f"**{inline(title)}**"] if title is not None else []
            yield "text", [" | ".join(inline(cell) for cell in row.iter() if tag(cell) == "td")
                           for row in child.iter() if tag(row) == "tr"]
        elif name in ("screen", "code"):
            yield "text", [f"    {line.strip()}" for line in "".join(child.itertext()).strip().splitlines()]
        elif name in ("note", "example", "item", "figure", "listing", "quote"):
            yield from blocks(child, depth)


def listed(items, marks):
    """The lines of a list: an item is one line, with what else it holds indented below."""
    lines = []
    for item in (i for i in items if tag(i) == "item"):
        mark = next(marks)
        inner = [line for _, block in blocks(item) for line in block if line]
        lines += [mark + inner[0]] + [" " * len(mark) + line for line in inner[1:]] if inner else []
    return lines


class Page:
    def __init__(self, name, root):
        self.id = name
        self.title = inline(root.find(MALLARD + "title"))
        subtitle = root.find(MALLARD + "subtitle")
        self.subtitle = inline(subtitle) if subtitle is not None else ""
        self.blocks = [(kind, lines) for kind, lines in blocks(root) if any(lines)]

    def is_test(self):
        return int.from_bytes(hashlib.sha256(self.id.encode()).digest(), "big") % 5 == 0

    def markdown(self):
        texts = [f"# {self.title}"] + ([self.subtitle] if self.subtitle else [])
        return "\n\n".join(texts + ["\n".join(lines) for _, lines in self.blocks]) + "\n"

    def question(self, is_shared):
        title = is_shared and self.subtitle or self.title
        if title.endswith("?"):
            return title
        mine = {"you": "I", "your": "my", "Your": "My"}
        words = [mine.get(word, word) for word in title.rstrip(".:").removeprefix("About ").split()]
        sentence, first = " ".join(words), words[0].strip(",.:")
        # Names and abbreviations keep their capitals.
        is_name = any(c.isupper() for c in first[1:]) or first in ("Bluetooth", "I", "Wacom")
        phrase = sentence if is_name else sentence[0].lower() + sentence[1:]
        if first.lower() in VERBS:
            return f"How do I {phrase}?"
        for asked, ask in (("How to", "How do I"), ("What to", "What should I"), ("Where to", "Where should I")):
            if sentence.startswith(asked + " "):
                return f"{ask} {sentence.removeprefix(asked + ' ')}?"
        if first in ("I", "I’ve", "My") or FINITE.intersection(words):
            return f"{sentence[0].upper()}{sentence[1:]}. What can I do?"
        return f"What should I know about {phrase}?"

    def answer(self):
        """The answer; None for a mere index."""
        at = next((at for at, (kind, _) in enumerate(self.blocks) if kind == "steps"), None)
        said = [lines for kind, lines in self.blocks[:at] if kind == "text"]
        if at is None:
            words = sum(len(line.split()) for lines in said for line in lines)
            return capped(said, ANSWER) if words >= INDEX else None
        # What stands between the opening and the steps belongs to other matters.
        heads = [n for n, (kind, _) in enumerate(self.blocks[:at]) if kind == "heading"]
        said = [lines for kind, lines in self.blocks[:heads[0] if heads else at] if kind == "text"]
        opening = capped(said, OPENING)
        steps = capped([self.blocks[at][1]], ANSWER - len(opening.split()))
        return "\n\n".join(text for text in (opening, steps) if text)


def capped(paragraphs, words):
    """As many whole sentences and list items as fit; the first fits always."""
    texts, used = [], 0
    for lines in paragraphs:
        kept = []
        for line in lines:
            is_item = re.match(r"\s*(\d+\.|-) |\s", line)
            pieces = [line] if is_item else re.split(r"(?<=[.!?])\s+", line)
            fits = []
            for piece in pieces:
                if used and used + len(piece.split()) > words:
                    break
                used += len(piece.split())
                fits.append(piece)
            kept += [" ".join(fits)] if fits else []
            if len(fits) < len(pieces):
                return finished(texts, kept)
        texts.append("\n".join(kept))
    return finished(texts, [])


def finished(texts, kept):
    """The paragraphs as one text. A heading or a colon with nothing after it is cut off."""
    lines = "\n\n".join(texts + (["\n".join(kept)] if kept else [])).splitlines()
    while len(lines) > 1 and (not lines[-1] or re.fullmatch(r"\*\*.*\*\*|.*:", lines[-1])):
        lines.pop()
    return "\n".join(lines)


def name_links(roots):
    """Gives links without a text the title of what they lead to, as a reader of the manual sees them."""
    titles = {}
    for name, root in roots.items():
        for place in root.iter():
            title = place.find(MALLARD + "title")
            if title is not None:
                titles[name if place is root else f"{name}#{place.get('id')}"] = inline(title)
    for name, root in roots.items():
        for link in root.iter(MALLARD + "link"):
            if not inline(link):
                to = link.get("xref", "")
                link.text = titles.get(name + to if to.startswith("#") else to, "")


def pages(source):
    """The pages of a package or folder, in order of their ids."""
    if source.is_dir():
        # The manual in English, where the folder holds translations or other manuals too.
        found = list(source.rglob("C/gnome-help/*.page")) or list(source.glob("*.page"))
        roots = {path.stem: ET.parse(path).getroot() for path in sorted(found)}
        name_links(roots)
        return [Page(*page) for page in roots.items()]
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(["dpkg-deb", "--extract", source, scratch], check=True)
        return pages(Path(scratch))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="DEB_OR_FOLDER")
    parser.add_argument("out", type=Path, metavar="OUT")
    given = parser.parse_args()
    found = pages(given.source)
    if not found:
        sys.exit(f"{given.source} holds no *.page files; give Debian's gnome-user-docs, or a folder of its pages")
    titles = [page.title for page in found]
    rows = {"train": [], "test": []}
    counts = {"pages": len(found), "indexes": 0, "train": 0, "test": 0, "lm_train": 0, "lm_test": 0}
    for page in found:
        part = "test" if page.is_test() else "train"
        write(given.out / "documents" / f"{page.id}.md", page.markdown())
        write(given.out / "lm" / part / f"{page.id}.md", page.markdown())
        counts[f"lm_{part}"] += 1
        answer = page.answer()
        if answer is None:
            counts["indexes"] += 1
            continue
        question = page.question(titles.count(page.title) > 1)
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        rows[part].append({"id": page.id, "messages": messages, "document": f"{page.id}.md"})
        counts[part] += 1
    for part, lines in rows.items():
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in lines)
        write(given.out / f"{part}.jsonl", text)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
