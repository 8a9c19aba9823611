//! Asks one question of the documents in a home, and says where the answer stands.
//!
//! ```sh
//! wayside --home HOME ingest manuals
//! cargo run --release --example ask -- HOME "How long is the warranty?"
//! ```

#![allow(clippy::print_stdout, reason = "it talks to a person")]

use std::error::Error;
use std::path::Path;
use wayside::Runtime;
use wayside::watch::Cancel;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [home, text] = words.as_slice() else { return Err("say a home and a question".into()) };
    let runtime = Runtime::open(Path::new(home))?;
    let answer = runtime.ask(&runtime.question(text), &Cancel::new(), &mut |piece| print!("{piece}"))?;
    println!();
    for citation in &answer.citations {
        println!("{}", serde_json::to_string(citation)?);
    }
    println!("kept as {}", answer.interaction);
    Ok(())
}
