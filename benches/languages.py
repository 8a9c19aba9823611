"""How often a search finds the right page first, in three languages. Run by hand:

    apt-get download debian-faq debian-faq-de debian-faq-zh-cn     # then `dpkg -x` each into FOLDER
    python languages.py WAYSIDE FOLDER

WAYSIDE is the program; it fetches its parts into a home that goes with the run. `languages/*.tsv` has the questions,
each with the pages that answer it. One JSON line for each language: questions, and how many had a right page first.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

PAGES = {"en": "*.en.html", "de": "de/*.de.html", "zh": "zh-cn/*.zh-cn.html"}


def main(program, folder):
    faq = pathlib.Path(folder) / "usr/share/doc/debian/FAQ"
    with tempfile.TemporaryDirectory() as home:

        def wayside(*words):
            done = subprocess.run([program, "--home", home, "--json", *words], capture_output=True, check=True)
            return json.loads(done.stdout)

        for language, pages in PAGES.items():
            files = [str(page) for page in sorted(faq.glob(pages)) if not page.name.startswith("index")]
            wayside("ingest", *files, "--collection", language)
        for language in PAGES:
            lines = pathlib.Path(__file__).with_name("languages").joinpath(f"{language}.tsv").read_text(encoding="utf-8")
            rows, first = [line.split("\t") for line in lines.splitlines() if line], 0
            for question, pages, *_ in rows:
                hits = wayside("search", question, "-k", "1", "--collection", language)["hits"]
                first += pathlib.Path(hits[0]["document"]).name in pages.split("|")
            print(json.dumps({"language": language, "questions": len(rows), "first": first}))


main(*sys.argv[1:3])
