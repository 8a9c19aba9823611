//! Makes what the factory adapter learns: questions of made-up organisations under the very prompts that `ask` shows,
//! each with a short answer that the check of what is shown lets pass.
//!
//! ```sh
//! cargo run --release --example factory -- HOME models/judge/organisations factory.jsonl 1700
//! ```
//!
//! HOME holds the models. Every organisation is taken into a scratch home of its own, so that its questions find its
//! own documents alone. The number is how many questions are drawn, the same ones each time. None is without an answer:
//! the judge refuses before a model is asked, and a model that was taught to refuse as well refused what it knew.

use serde::Deserialize;
use serde_json::json;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use wayside::Runtime;
use wayside::rag::{Ground, Verdict, support};

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
        let answered: Vec<&Asked> =
            organisation.questions.iter().filter(|asked| asked.after.is_empty() && asked.answer.is_some()).collect();
        let every = answered.len().div_ceil(each.max(1)).max(1);
        for asked in answered.into_iter().step_by(every).take(each) {
            let shown = runtime.preview(&runtime.question(&asked.question))?;
            let prompt: Vec<&str> = shown.prompt.iter().map(|message| message.content.as_str()).collect();
            let prompt = prompt.join("\n");
            if !prompt.contains("\nPassage ") {
                continue;
            }
            let Some(answer) = answer(asked, &prompt) else { continue };
            let mut messages: Vec<_> =
                shown.prompt.iter().map(|m| json!({ "role": m.role, "content": m.content })).collect();
            messages.push(json!({ "role": "assistant", "content": answer }));
            lines.push_str(&format!("{}\n", json!({ "messages": messages })));
        }
    }
    fs::write(out, lines)?;
    Ok(())
}

/// What is to be said: the answer in plain words where it would be shown, else the text that answers as it was shown.
/// None where that is not in the prompt: what is not shown must not be learned as an answer.
fn answer(asked: &Asked, prompt: &str) -> Option<String> {
    let (said, quote) = (asked.answer.as_ref()?, asked.quote.as_ref()?);
    let plain = |text: &str| text.replace("**", "").replace('`', "");
    let quote = plain(quote);
    let parts: Vec<&str> = item(&quote).split('|').map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut headings = "";
    for line in prompt.lines() {
        if line.starts_with("Passage ") && line.ends_with("):") {
            headings = line;
        } else if parts.iter().all(|part| line.contains(part)) {
            let ground = Ground { text: line, headings, best: true };
            let shows = matches!(support(said, &asked.question, &[ground]), Verdict::Supported(_));
            return Some(if shows { said.clone() } else { line.to_owned() });
        }
    }
    None
}

/// A list item without its mark.
fn item(text: &str) -> &str {
    let text = text.trim_start();
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.strip_prefix(". ").filter(|_| rest.len() < text.len());
    numbered.or_else(|| text.strip_prefix("- ")).or_else(|| text.strip_prefix("* ")).unwrap_or(text)
}
