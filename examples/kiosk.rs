//! The loop of a terminal: people come one after another, each with a number. A line is that number and a question; an
//! empty line says that somebody has left. Nothing of one person's conversation is there for the next.
//!
//! ```sh
//! printf 'C-1014 When is the shop open?\nC-1014 And on Sunday?\n\n' | cargo run --release --example kiosk -- HOME
//! ```

#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::error::Error;
use std::io::BufRead;
use std::path::Path;
use wayside::watch::Cancel;
use wayside::{Runtime, Wear};

fn main() -> Result<(), Box<dyn Error>> {
    let home = std::env::args().nth(1).ok_or("say a home")?;
    let runtime = Runtime::open(Path::new(&home))?;
    let mut chat = runtime.chat(None, &Wear::Promoted)?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Some((person, text)) = line.split_once(' ') else {
            chat.end();
            println!("-- the next, please --");
            continue;
        };
        let mut question = runtime.question(text);
        // Whoever is served must be known by then, by a card or a login: Wayside believes it.
        question.subject = Some(person.to_owned());
        // A question about another person begins a new conversation, whatever was said before.
        match chat.ask(&question, &Cancel::new(), &mut |piece| print!("{piece}")) {
            Ok(answer) => println!("\n({})", if answer.found { "found" } else { "nothing found" }),
            Err(e) => println!("{e}"),
        }
    }
    Ok(())
}
