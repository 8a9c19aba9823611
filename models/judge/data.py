"""Training material for the judge: documents to units, questions to labelled pairs.

Two kinds of material are read. Public data sets give questions about the sentences and
tables of an encyclopaedia; in SQuAD 2.0 many are written so that the paragraph looks as
if it answered but does not. Organisation files (see `load_organisations`) give the
target domain: the documents of small organisations with questions that they answer,
nearly answer or have nothing to do with.

A *unit* is the smallest text that can answer by itself: a sentence, a list item
with its lead-in line, a table row read with its header. What the judge sees of a
unit is its text behind the headings it stands under, `Title > Heading: text`.
"""

import csv
import json
import math
import re
from bisect import bisect_right
from collections import Counter, namedtuple
from pathlib import Path

#: `text` is what the judge reads, `raw` what stands in the document, normalised.
Unit = namedtuple("Unit", "document text raw")
#: One training example; `label` is 1.0 where `unit` answers `question`.
Pair = namedtuple("Pair", "question unit label")

# The place of facts about the person served, which stand in no document.
RECORDS = "records"
# Full stops after these do not end a sentence.
ABBREVIATIONS = {
    "e.g", "i.e", "mr", "mrs", "ms", "dr", "st", "no", "nos", "approx", "ca", "vs",
    "etc", "prof", "jr", "sr", "fig", "vol", "tel", "inc", "ltd", "co", "u.s", "p",
    "min", "max", "op", "z.b", "bzw", "str", "nr", "incl", "excl", "ext", "rd",
}
SENTENCE_END = re.compile(r"[.!?][\"')\]”’]*\s+(?=[\"'(\[“‘]?[A-Z0-9£€$])")
LIST_ITEM = re.compile(r"^(\s*)(?:[-*+]|\d+[.)])\s+(.*)$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*$")
BOLD_START = re.compile(r"^\*\*(.+?)\*\*:?\s*(.*)$", re.S)
TABLE_RULE = re.compile(r"^[\s|:\-]+$")
WORD = re.compile(r"[a-z0-9]+(?:[.:][0-9]+)*")
# Words of questions about several rows of a table at once.
NOT_A_LOOKUP = re.compile(
    r"\b(how many|total|difference|combined|average|most|least|more|less|fewer|first|last|next|previous|prior|"
    r"after|before|above|below|only|other|same|besides|between|consecutive|number of|top|bottom|final|latest|"
    r"earliest|all|each|both|every|or|not|never|\w+est)\b"
)
# What the share of a question's words adds to a unit's nearness, as in `src/rag/weigh.rs`.
NEAR = 0.4
STOP_WORDS = set(
    "a an the is are was were be do does did i my me you your we our it its of to in on at for "
    "and or with can how what when where which who if that this there from by as have has will".split()
)


def sentences(text):
    """Splits running text into sentences by rule."""
    found, start = [], 0
    for match in SENTENCE_END.finditer(text):
        last_word = re.split(r"[\s(]", text[start:match.start()])[-1].lower()
        is_initial = len(last_word) == 1 and last_word.isalpha()
        if text[match.start()] == "." and (last_word in ABBREVIATIONS or is_initial):
            continue
        found.append(text[start:match.end()].strip())
        start = match.end()
    rest = text[start:].strip()
    return found + [rest] if rest else found


def plain(text):
    """Markdown of one line or paragraph without its marks, white space collapsed."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"\*\*|__|`", "", text)
    text = re.sub(r"(?<!\w)[*_](\S[^*_]*?)[*_](?!\w)", r"\1", text)
    return re.sub(r"\s+", " ", text).strip()


def cells(row):
    """The cells of a Markdown table row."""
    return [plain(cell) for cell in row.strip().strip("|").split("|")]


def read_row(header, row):
    """A table row as a person would read it out, each cell behind its column's name."""
    if len(row) == 2 and not any(header):
        return f"{row[0]}: {row[1]}"
    parts = []
    for i, cell in enumerate(row):
        name = header[i] if i < len(header) else ""
        if cell:
            parts.append(f"{name}: {cell}" if name else cell)
    return "; ".join(parts)


def normal(text):
    """A form in which a quote and the unit it was taken from are equal."""
    if text.strip().startswith("|"):
        text = " | ".join(cells(text))
    text = LIST_ITEM.sub(r"\2", text.strip())
    return plain(text).lower().strip(" |")


def split_document(name, markdown):
    """Splits one Markdown document into units."""
    units, headings = [], []

    def add(text, raw, extra=()):
        path = " > ".join([title for _, title in headings] + list(extra))
        units.append(Unit(name, f"{path}: {text}" if path else text, normal(raw)))

    def add_paragraph(text, lead="", question=None):
        """Adds the sentences of a paragraph or list item; returns its last sentence
        and the bold question that it opened with."""
        match = BOLD_START.match(text)
        if match and (match.group(1).rstrip()[-1] in ".?!:" or not match.group(2)):
            question, text = plain(match.group(1)).rstrip(":"), match.group(2)
        split = sentences(plain(text))
        for sentence in split:
            add(f"{lead} {sentence}" if lead else sentence, sentence, [question] if question else [])
        return (split[-1] if split else ""), (question if match else None)

    lines = markdown.replace("\r\n", "\n").split("\n")
    lines = [re.sub(r"^\s*>\s?", "", line) for line in lines]
    last, question, i = "", None, 0
    while i < len(lines):
        line = lines[i]
        heading = HEADING.match(line)
        if heading:
            level = len(heading.group(1))
            headings = [h for h in headings if h[0] < level] + [(level, plain(heading.group(2)))]
            last, question, i = "", None, i + 1
        elif not line.strip() or re.match(r"^\s*(-{3,}|\*{3,})\s*$", line):
            i += 1
        elif line.strip().startswith("|"):
            rows = []
            while i < len(lines) and lines[i].strip().startswith("|"):
                rows.append(lines[i])
                i += 1
            has_header = len(rows) > 1 and TABLE_RULE.match(rows[1])
            header = cells(rows[0]) if has_header else []
            for row in rows[2:] if has_header else rows:
                add(read_row(header, cells(row)), row)
            last = ""
        elif LIST_ITEM.match(line):
            # Only a line that announces the list is worth repeating before each item.
            lead, parent = (last if last.endswith(":") else ""), ""
            while i < len(lines):
                item = LIST_ITEM.match(lines[i])
                if not item:
                    break
                text, i = item.group(2), i + 1
                while i < len(lines) and lines[i].startswith("  ") and not LIST_ITEM.match(lines[i]) and lines[i].strip():
                    text, i = text + " " + lines[i].strip(), i + 1
                if len(item.group(1)) < 2:
                    parent = plain(text) if text.rstrip().endswith(":") else ""
                    add_paragraph(text, lead)
                else:
                    add_paragraph(text, parent or lead)
                if i + 1 < len(lines) and not lines[i].strip() and LIST_ITEM.match(lines[i + 1]):
                    i += 1
            last, question = "", None
        else:
            paragraph = []
            while i < len(lines) and lines[i].strip() and not (
                HEADING.match(lines[i]) or LIST_ITEM.match(lines[i]) or lines[i].strip().startswith("|")
            ):
                paragraph.append(lines[i].strip())
                i += 1
            text = " ".join(paragraph)
            # A bold line alone is the question of the paragraph after it.
            last, opened = add_paragraph(text, question=question)
            question = opened if opened and not last else None
    return units


class Lexicon:
    """BM25 over a fixed set of texts, to find the units that look most like a question."""

    def __init__(self, texts):
        self.bags = [Counter(self.terms(text)) for text in texts]
        self.lengths = [sum(bag.values()) for bag in self.bags]
        self.mean = max(1.0, sum(self.lengths) / max(1, len(self.lengths)))
        seen = Counter(term for bag in self.bags for term in bag)
        self.weight = {t: math.log(1 + (len(texts) - n + 0.5) / (n + 0.5)) for t, n in seen.items()}

    @staticmethod
    def terms(text):
        """Content words cut to six letters, a stand-in for stemming."""
        return [w[:6] for w in WORD.findall(text.lower()) if w not in STOP_WORDS]

    def nearest(self, query):
        """Indices of all texts, the nearest first."""
        terms = set(self.terms(query))
        scores = []
        for bag, length in zip(self.bags, self.lengths):
            norm = 1.2 * (0.25 + 0.75 * length / self.mean)
            scores.append(sum(self.weight[t] * bag[t] * 2.2 / (bag[t] + norm) for t in terms if t in bag))
        return sorted(range(len(scores)), key=lambda i: -scores[i])


class Organisation:
    """One organisation: its units, and its questions with the units they point at.

    With `embed`, which gives unit vectors of texts, wrong units are chosen among those that
    a search would bring: near by meaning and by words.
    """

    def __init__(self, path, embed=None):
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        self.name = Path(path).stem
        self.units = [u for d in content["documents"] for u in split_document(d["name"], d["text"])]
        # A fact is one unit under what it is cited by, as in `src/rag/weigh.rs`.
        for number, record in enumerate(content.get("records", []), 1):
            self.units.append(Unit(RECORDS, f"{record['query']} #{number}: {record['text']}", normal(record["text"])))
        self.lexicon = Lexicon([u.text for u in self.units])
        self.questions, self.unmatched, self.meaning, self.order = [], 0, {}, {}
        vectors = embed([u.text for u in self.units]) if embed else None
        for q in content["questions"]:
            text = " ".join([*q.get("after", []), q["question"]])
            answer, near = q.get("quote") or q.get("record"), q.get("near") or q.get("near_record")
            target = answer or near
            at = self.find(q.get("document", RECORDS), target) if target else []
            if target and not at:
                self.unmatched += 1
                continue
            kind = "answer" if answer else "near" if near else "off"
            self.questions.append({"text": text, "kind": kind, "style": q.get("style", kind), "at": at})
        if embed:
            asked = embed([q["text"] for q in self.questions])
            self.meaning = {q["text"]: vectors @ vector for q, vector in zip(self.questions, asked)}

    def find(self, document, quote):
        """Indices of the units that a quote was taken from."""
        wanted = normal(quote)
        inside = [i for i, u in enumerate(self.units) if u.document == document]
        exact = [i for i in inside if self.units[i].raw == wanted]
        if exact:
            return exact
        # A quote may hold its bold question too, or be a part of a list item.
        parts = [i for i in inside if len(self.units[i].raw) > 8 and self.units[i].raw in wanted]
        whole = [i for i in inside if wanted in self.units[i].raw]
        return whole or parts

    def nearest(self, text):
        """Indices of all units, the nearest first, or those first that a judge took for right."""
        if text in self.order:
            return self.order[text]
        near = self.lexicon.nearest(text)
        meaning = self.meaning.get(text)
        if meaning is None:
            return near
        asked = set(self.lexicon.terms(text))
        share = [len(asked & bag.keys()) / max(1, len(asked)) for bag in self.lexicon.bags]
        return sorted(near, key=lambda i: -(meaning[i] + NEAR * share[i]))

    def mine(self, judge, most=8):
        """Puts the nearest units of each question into the order that `judge` gives them.

        It scores (question, unit) pairs. What it wrongly takes for an answer teaches most.
        """
        asked = [(q["text"], i) for q in self.questions for i in self.nearest(q["text"])[:most]]
        scores = dict(zip(asked, judge([(text, self.units[i].text) for text, i in asked])))
        for q in self.questions:
            near = self.nearest(q["text"])
            first = sorted(near[:most], key=lambda i: -scores[q["text"], i])
            self.order[q["text"]] = first + near[most:]

    def pairs(self, rng):
        """One draw of labelled pairs; negatives differ from draw to draw."""
        made = []
        for q in self.questions:
            near = [i for i in self.nearest(q["text"]) if i not in q["at"]]
            # The units around the one meant are of the same table or list; a paraphrase
            # shares no words with them, so the lexical neighbours would miss them.
            around = [i for i in near if any(abs(i - at) <= 6 for at in q["at"])]
            if q["kind"] == "answer":
                chosen = near[:2] + rng.sample(near[2:16], 2) + rng.sample(around, 2)
                made += [Pair(q["text"], self.units[i].text, 1.0) for i in q["at"][:1]]
            elif q["kind"] == "near":
                chosen = q["at"][:1] + near[:3] + rng.sample(near[3:12], 2) + rng.sample(around, 1)
            else:
                chosen = near[:2] + rng.sample(near[2:], 2)
            made += [Pair(q["text"], self.units[i].text, 0.0) for i in sorted(set(chosen))]
        return made


def load_organisations(folder, embed=None):
    """Reads every organisation file of a folder, sorted by name.

    Each is a JSON object with `documents` (`name`, `text` in Markdown) and `questions`:
    an answerable one has a `quote`, a near miss the `near` text that looks like an
    answer, one about another matter neither; `after` holds earlier questions. Of the
    `records` (`query`, `text`) of the person served, `record` answers and `near_record`
    does not.
    """
    return [Organisation(path, embed) for path in sorted(Path(folder).glob("*.json"))]


def load_squad(path, rng, articles=None, without=()):
    """Labelled pairs of a SQuAD 2.0 file.

    An answerable question gives its sentence and two others of the paragraph, one of
    them the lexically nearest. An unanswerable one gives the sentence that holds the
    plausible but wrong answer, and one other.
    """
    pairs = []
    for article in json.loads(Path(path).read_text(encoding="utf-8"))["data"]:
        if (articles and article["title"] not in articles) or article["title"] in without:
            continue
        title = article["title"].replace("_", " ")
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            split = sentences(context)
            starts, at = [], 0
            for sentence in split:
                at = context.index(sentence, at)
                starts.append(at)
                at += len(sentence)
            texts = [f"{title}: {re.sub(chr(10), ' ', s)}" for s in split]
            lexicon = Lexicon(texts)
            for qa in paragraph["qas"]:
                answers = qa["answers"] or qa.get("plausible_answers") or []
                if not answers:
                    continue
                holding = Counter(bisect_right(starts, a["answer_start"]) - 1 for a in answers)
                hit = holding.most_common(1)[0][0]
                question = qa["question"].strip()
                others = [i for i in lexicon.nearest(question) if i not in holding]
                label = 0.0 if qa["is_impossible"] else 1.0
                pairs.append(Pair(question, texts[hit], label))
                keep = others[:1] if label == 0.0 else others[:1] + rng.sample(others[1:], min(1, len(others[1:])))
                pairs += [Pair(question, texts[i], 0.0) for i in keep]
    return pairs

def _row_pairs(question, title, header, rows, hit, rng):
    """Pairs of a question answered by one row: that row, the nearest other and a random one."""
    texts = [f"{title}: {read_row(header, row)}" if title else read_row(header, row) for row in rows]
    others = [i for i in Lexicon(texts).nearest(question) if i != hit]
    keep = others[:2] + rng.sample(others[2:], min(1, len(others[2:])))
    return [Pair(question, texts[hit], 1.0)] + [Pair(question, texts[i], 0.0) for i in keep]


def load_selqa(path, rng):
    """Labelled pairs of a SelQA answer-selection file: sentences of one Wikipedia section."""
    pairs = []
    for entry in json.loads(Path(path).read_text(encoding="utf-8")):
        question, answers = entry["question"].strip(), set(entry["answers"])
        place = f"{entry['article'].replace('_', ' ')} > {entry['section']}"
        texts = [f"{place}: {plain(s)}" for s in entry["candidates"]]
        # With several answering sentences it is often only all of them that answer.
        if len(answers) != 1 or not all(0 <= i < len(texts) for i in answers):
            continue
        others = [i for i in Lexicon(texts).nearest(question) if i not in answers]
        keep = others[:2] + rng.sample(others[2:], min(1, len(others[2:])))
        pairs += [Pair(question, texts[i], 1.0) for i in answers] + [Pair(question, texts[i], 0.0) for i in keep]
    return pairs


def load_fetaqa(path, rng):
    """Labelled pairs of a FeTaQA file, of the questions that one table row answers."""
    pairs = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        table = [[plain(str(cell)) for cell in row] for row in entry["table_array"]]
        hits = {row for row, _ in entry["highlighted_cell_ids"]} - {0}
        if len(hits) == 1 and len(table) > 3 and max(hits) < len(table):
            title = f"{entry['table_page_title']} > {entry['table_section_title']}"
            pairs += _row_pairs(entry["question"], title, table[0], table[1:], hits.pop() - 1, rng)
    return pairs


def load_wikitables(folder, rng):
    """Labelled pairs of WikiTableQuestions, of the questions that look one row up.

    Most of its questions count, compare or order rows. Kept are those without a word
    for that, whose answer stands in one cell of the table only.
    """
    folder, pairs, tables = Path(folder), [], {}
    for line in (folder / "data/training.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        _, question, table, answer = line.split("\t")[:4]
        if NOT_A_LOOKUP.search(question.lower()) or "|" in answer:
            continue
        if table not in tables:
            with open(folder / table, encoding="utf-8", newline="") as file:
                tables[table] = [[plain(c) for c in row] for row in csv.reader(file, escapechar="\\") if row]
        header, *rows = tables[table]
        hits = [i for i, row in enumerate(rows) for cell in row if cell.lower() == answer.lower()]
        # The row must also share a word with the question, or nothing ties the two.
        if len(hits) != 1 or len(rows) < 4:
            continue
        asked = set(Lexicon.terms(question))
        if asked & set(Lexicon.terms(" ".join(rows[hits[0]]))):
            pairs += _row_pairs(question, "", header, rows, hits[0], rng)
    return pairs


if __name__ == "__main__":
    import sys

    for organisation in load_organisations(sys.argv[1]):
        kinds = Counter(q["kind"] for q in organisation.questions)
        print(organisation.name, len(organisation.units), "units", dict(kinds), "unmatched", organisation.unmatched,
              "ambiguous", sum(len(q["at"]) > 1 for q in organisation.questions))
