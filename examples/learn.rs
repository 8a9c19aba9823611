//! One cycle of learning from the log: what it came to, who serves now, and the way back.
//!
//! ```sh
//! cargo run --release --example learn -- HOME            # learns for at most ten minutes
//! cargo run --release --example learn -- HOME back       # rolls the promoted adapter back
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to a person")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use wayside::{Learning, Runtime};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let home = words.next().ok_or("say a home")?;
    let runtime = Runtime::open(Path::new(&home))?;
    if words.next().is_some_and(|word| word == "back") {
        let done = runtime.roll_back("somebody wanted it")?;
        println!(
            "{} serves no more; now: {}",
            done.adapter.id,
            done.serving.as_deref().unwrap_or("the model as it came")
        );
        return Ok(());
    }
    // What is not done by then is gone on with by the next cycle.
    let learning = Learning { limit: Some(Duration::from_secs(600)), again: false };
    let learned = runtime.learn(&learning, &mut |step| eprintln!("step {}: loss {:.3}", step.step, step.loss))?;
    println!("{:?}: {}", learned.verdict, learned.reasons.join("; "));
    for adapter in runtime.adapters()? {
        println!("{} {:?}", adapter.id, adapter.state);
    }
    Ok(())
}
