//! `wayside` without a command: the first three steps.

use super::app::App;
use super::failure::Done;

const GUIDE: &str = "\
Wayside answers questions from your own documents, on this machine.

  1. wayside demo                     see it work on a small made-up shop
  2. wayside ingest ~/Documents       take in your own documents: text, pages, pdf, office files, mail
  3. wayside ask \"How do I ...?\"      an answer with its sources

The first command that needs them fetches ONNX Runtime and the two default models; nothing after that touches the
network. `wayside help` lists all commands, `wayside COMMAND --help` explains one.
";

pub fn run(app: &App) -> Done {
    app.print(GUIDE);
    Ok(())
}
