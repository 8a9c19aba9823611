//! `bench` without a word: everything in one table, beside the floor, peers and an earlier run.

use super::app::App;
use super::bench::{VECTORS, passages};
use super::clusters::clusters;
use super::failure::Done;
use super::style::columns;
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use wayside::{Error, Figure, Figures};

/// Below this much of what it was, a figure counts as slower: quiet runs on one machine differ by less.
const SLOWER: f64 = 0.85;

/// Passages that are embedded.
const PASSAGES: usize = 64;

/// What the table is held to.
#[derive(Debug, clap::Args)]
pub struct Beside {
    /// A command that measures a peer and prints one JSON line with `peer`, `prefill_tok_s`, `decode_tok_s` and
    /// `peak_rss_mb`; may be given several times
    #[arg(long, value_name = "COMMAND")]
    peer: Vec<String>,
    /// Keep the figures in a file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare with a run that was kept, and fail if something got slower
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

#[derive(Serialize)]
struct Table {
    #[serde(flatten)]
    figures: Figures,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    figure: String,
    /// How good it is beside each peer.
    peers: Vec<(String, f64)>,
    /// How good it is beside the earlier run, yardsticks considered.
    change: Option<f64>,
}

struct Peer {
    name: String,
    figures: Value,
}

pub fn run(app: &App, beside: &Beside) -> Done {
    let then = beside.against.as_deref().map(Figures::read).transpose()?;
    let runtime = app.runtime()?;
    let figures = runtime.bench(|| passages(&runtime, PASSAGES), || clusters(VECTORS.0, VECTORS.1))?;
    // Peers come after, so that nothing runs beside what is measured.
    let peers = beside.peer.iter().map(|command| peer(command)).collect::<Result<Vec<_>, _>>()?;
    let row = |figure: &Figure| Row {
        figure: figure.name.clone(),
        peers: peers.iter().filter_map(|p| Some((p.name.clone(), p.ratio(figure)?))).collect(),
        change: then.as_ref().and_then(|t| t.change(&figures.yardstick, figure)),
    };
    let rows: Vec<Row> = figures.figures.iter().map(row).collect();
    if let Some(path) = &beside.save {
        figures.write(path)?;
    }
    let slower: Vec<String> = rows.iter().filter(|r| r.change.is_some_and(|c| c < SLOWER)).map(described).collect();
    let table = Table { figures, rows };
    app.result(&table, || show(app, &table, &peers, then.is_some()))?;
    match (slower.is_empty(), &beside.against) {
        (false, Some(path)) => {
            Err(Error::invalid(format!("slower than in {}: {}", path.display(), slower.join(", "))).into())
        }
        _ => Ok(()),
    }
}

fn described(row: &Row) -> String {
    format!("{} ({:.2} of what it was)", row.figure, row.change.unwrap_or_default())
}

impl Peer {
    /// How good a figure is beside this peer's.
    fn ratio(&self, figure: &Figure) -> Option<f64> {
        let own = self.figures.get(figure.peer_key.as_deref()?)?.as_f64()?;
        Some(figure.beside(own)).filter(|ratio| ratio.is_finite())
    }
}

/// Runs a command; its last line is JSON.
fn peer(command: &str) -> Result<Peer, Error> {
    let output = Command::new("sh").args(["-c", command]).stderr(Stdio::null()).output();
    let output = output.map_err(|e| Error::io(format!("cannot run {command}"), e))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Option<Value> = text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    match figures.filter(|_| output.status.success()) {
        Some(figures) => {
            let name = figures.get("peer").and_then(Value::as_str).unwrap_or(command).to_owned();
            Ok(Peer { name, figures })
        }
        None => Err(Error::invalid(format!("`{command}` printed no line of JSON; try it by itself"))),
    }
}

fn show(app: &App, table: &Table, peers: &[Peer], compared: bool) {
    let mut head = vec!["".to_owned(), "here".into(), "at best".into()];
    head.extend(peers.iter().map(|p| format!("x {}", p.name)));
    head.extend(compared.then(|| "x before".to_owned()));
    let mut lines = vec![head];
    for (figure, row) in table.figures.figures.iter().zip(&table.rows) {
        let mut cells = vec![figure.name.clone(), format!("{} {}", number(figure.value), figure.unit)];
        cells.push(figure.floor.map(|floor| format!("{} {}", number(floor), figure.unit)).unwrap_or_default());
        cells.extend(peers.iter().map(|p| p.ratio(figure).map(number).unwrap_or_default()));
        cells.extend(compared.then(|| row.change.map(number).unwrap_or_default()));
        lines.push(cells);
    }
    columns(&lines).iter().for_each(|line| app.line(line));
    let yardstick = &table.figures.yardstick;
    let (memory, arithmetic) = (yardstick.memory_gb_s, yardstick.arithmetic_gflop_s);
    app.line(&format!("memory is read at {memory:.1} GB/s; a plain loop computes {arithmetic:.0} GFLOP/s"));
}

fn number(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
