//! Lets a model speak freely, and follows it as a voice would: words as they come, sentences as they are whole. After
//! some seconds another thread stops it; what was said until then is kept in the log.
//!
//! ```sh
//! cargo run --release --example stream -- HOME "Tell me a story about rain." 5
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Duration;
use wayside::watch::Cancel;
use wayside::{Heard, Runtime};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [home, text, seconds] = words.as_slice() else { return Err("say a home, a question and seconds".into()) };
    let patience = Duration::from_secs_f64(seconds.parse()?);
    let runtime = Runtime::open(Path::new(home))?;
    let mut question = runtime.question(text);
    question.retrieval = false;

    let cancel = Cancel::new();
    let stop = cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(patience);
        stop.cancel();
    });
    let answer = runtime.ask_hearing(&question, &cancel, &mut |heard| match heard {
        Heard::Words(words) => {
            print!("{words}");
            // Where nobody reads, nobody misses it.
            let _ = std::io::stdout().flush();
        }
        Heard::Sentence(said) => eprintln!("\n[a voice may say now: {}]", said.text),
    })?;
    println!("\nended by {:?}, kept as {}", answer.finish, answer.interaction);
    Ok(())
}
