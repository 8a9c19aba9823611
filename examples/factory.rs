//! Makes what the factory adapter learns: questions of made-up organisations under the very prompts that `ask` shows,
//! each with a short answer, or with the refusal where nothing answers.
//!
//! ```sh
//! cargo run --release --example factory -- HOME models/judge/organisations factory.jsonl 900
//! wayside train --data factory.jsonl --out factory --epochs 1 --length 512
//! ```
//!
//! HOME holds the models. Every organisation is taken into a scratch home of its own, so that its questions find its
//! own documents alone. The number is how many examples are drawn, the same ones each time.

use serde::Deserialize;
use serde_json::json;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use wayside::Runtime;
use wayside::store::log::NOTHING;

/// One example of so many is a question that nothing answers.
const REFUSED: usize = 4;

#[derive(Deserialize)]
struct Organisation {
    documents: Vec<Document>,
    questions: Vec<Asked>,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    text: String,
}

#[derive(Deserialize)]
struct Asked {
    question: String,
    #[serde(default)]
    answer: Option<String>,
    #[serde(default)]
    quote: Option<String>,
    #[serde(default)]
    after: Vec<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut next =
        || words.next().ok_or("HOME, the folder of the organisations, the file to make and how many are wanted");
    let (home, folder, out, wanted) = (next()?, next()?, next()?, next()?.parse::<usize>()?);
    let main = Runtime::open(Path::new(&home))?;
    main.embedder()?;
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Box<dyn Error>>>()?;
    files.sort();
    let each = wanted.div_ceil(files.len().max(1));
    let mut lines = String::new();
    for file in files {
        let organisation: Organisation = serde_json::from_slice(&fs::read(&file)?)?;
        let scratch = tempfile::tempdir()?;
        let runtime = main.beside(&scratch.path().join("home"));
        let documents = scratch.path().join("documents");
        fs::create_dir(&documents)?;
        for document in &organisation.documents {
            fs::write(documents.join(document.name.replace('/', "_")).with_extension("md"), &document.text)?;
        }
        runtime.ingest(&[documents], None)?;
        // From all over the file, which is sorted by kind.
        let alone: Vec<&Asked> = organisation.questions.iter().filter(|asked| asked.after.is_empty()).collect();
        let (answered, refused): (Vec<&Asked>, Vec<&Asked>) =
            alone.into_iter().partition(|asked| asked.answer.is_some());
        let of = |list: &[&'_ Asked], most: usize| -> Vec<usize> {
            let every = list.len().div_ceil(most.max(1)).max(1);
            (0..list.len()).step_by(every).take(most).collect()
        };
        let chosen = of(&answered, each - each / REFUSED).into_iter().map(|at| answered[at]);
        let chosen = chosen.chain(of(&refused, each / REFUSED).into_iter().map(|at| refused[at]));
        for asked in chosen {
            let shown = runtime.preview(&runtime.question(&asked.question))?;
            let prompt: String = shown.prompt.iter().map(|message| message.content.as_str()).collect();
            // What is not shown must not be learned as an answer.
            let cells =
                |quote: &str| quote.split('|').map(str::trim).filter(|c| !c.is_empty()).all(|c| prompt.contains(c));
            if asked.quote.as_deref().is_some_and(|quote| !quote.lines().all(cells)) {
                continue;
            }
            let mut messages: Vec<_> =
                shown.prompt.iter().map(|m| json!({ "role": m.role, "content": m.content })).collect();
            messages.push(json!({ "role": "assistant", "content": asked.answer.as_deref().unwrap_or(NOTHING) }));
            lines.push_str(&format!("{}\n", json!({ "messages": messages })));
        }
    }
    fs::write(out, lines)?;
    Ok(())
}
