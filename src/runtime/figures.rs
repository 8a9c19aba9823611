//! `bench`: every figure of this machine in one run, with the floor where one is known.

use super::yardstick::Yardstick;
use super::{Runtime, Wear};
use crate::error::{Error, Result};
use crate::graph::WEIGHTS;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of [`Figures`] in a file.
const FORMAT: u32 = 1;
/// Tokens of the prompt, and of the answer after it.
const PROMPT: usize = 512;
const ANSWER: usize = 128;
/// Conversations side by side.
const CONVERSATIONS: usize = 4;
/// The longest answer to a question.
const QUESTION: usize = 64;

/// What bounds a figure: the yardstick it goes with from machine to machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// How fast memory is read.
    Memory,
    /// How fast the processor multiplies.
    Arithmetic,
    /// Neither: a size.
    Nothing,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is about.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of what.
    pub unit: String,
    /// Whether more is better.
    pub more_is_better: bool,
    /// What bounds it.
    pub bound: Bound,
    /// The best that this machine could do, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// The name peers have for it, if it is measured as they measure theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_key: Option<String>,
}

/// All figures of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Version of this layout.
    pub format: u32,
    /// The program that was measured.
    pub version: String,
    /// What the machine could do at best.
    pub yardstick: Yardstick,
    /// The figures.
    pub figures: Vec<Figure>,
}

impl Runtime {
    /// Measures everything, one after the other, with the configured models: a minute or more. `passages` gives what is
    /// embedded, `search` vectors that are put into an index, and others that are searched for.
    pub fn bench(
        &self,
        passages: impl FnOnce() -> Result<Vec<String>>,
        search: impl FnOnce() -> (Vec<Vec<f32>>, Vec<Vec<f32>>),
    ) -> Result<Figures> {
        // First what tells the memory it took, which is the process's.
        let generate = self.bench_generate(PROMPT, ANSWER, None, &Wear::Nothing)?;
        let together = self.bench_together(CONVERSATIONS, PROMPT / 2, ANSWER / 2)?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut yardsticks = vec![Yardstick::measure(threads)?];
        let (vectors, queries) = search();
        let found = self.bench_search(&vectors, &queries)?;
        yardsticks.push(Yardstick::measure(threads)?);
        let passages = passages()?;
        let embed = self.bench_embed(&passages.iter().map(String::as_str).collect::<Vec<_>>())?;
        let asked = self.bench_ask_sample(QUESTION)?;

        yardsticks.push(Yardstick::measure(threads)?);
        let yardstick = Yardstick::middle(&yardsticks);
        // A token reads every weight once.
        let path = self.model(None)?.bundle().path(WEIGHTS)?;
        let bytes =
            std::fs::metadata(&path).map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?.len();
        let floor = yardstick.memory_gb_s * 1e9 / bytes as f64;
        use Bound::{Arithmetic, Memory, Nothing};
        let rate = |name: &str, value, bound| Figure::new(name, value, "tokens/s", bound);
        let figures = vec![
            rate("prompt of 512", generate.prefill_tok_s, Arithmetic).like_peers("prefill_tok_s"),
            rate("answer after 512", generate.decode_tok_s, Memory).like_peers("decode_tok_s").at_best(floor),
            rate("4 answers at once", together.together_tok_s, Memory),
            rate("embedding", embed.tok_s, Arithmetic),
            Figure::new("search", found.p50_us, "us", Memory).less(),
            Figure::new("recall@10", found.recall_at_10, "", Nothing),
            Figure::new("question", asked.p50_s, "s", Memory).less(),
            Figure::new("first token", asked.first_token_p50_s, "s", Arithmetic).less(),
            Figure::new("memory", generate.peak_rss_mb as f64, "MB", Nothing).less().like_peers("peak_rss_mb"),
        ];
        Ok(Figures { format: FORMAT, version: env!("CARGO_PKG_VERSION").into(), yardstick, figures })
    }
}

impl Figure {
    fn new(name: &str, value: f64, unit: &str, bound: Bound) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Self { name, value, unit, more_is_better: true, bound, floor: None, peer_key: None }
    }

    fn less(self) -> Self {
        Self { more_is_better: false, ..self }
    }

    fn at_best(self, floor: f64) -> Self {
        Self { floor: Some(floor), ..self }
    }

    fn like_peers(self, key: &str) -> Self {
        Self { peer_key: Some(key.into()), ..self }
    }

    /// How good it is beside `other`: 1 for as good, 2 for twice as good.
    pub fn beside(&self, other: f64) -> f64 {
        if self.more_is_better { self.value / other } else { other / self.value }
    }
}

impl Figures {
    /// Reads what [`Figures::write`] wrote.
    ///
    /// Errors: `NotFound`; `Corrupt`; `Incompatible` when a newer Wayside wrote it.
    pub fn read(path: &Path) -> Result<Self> {
        crate::versioned::read(path, FORMAT, "measure it again with `wayside bench --save`")
    }

    /// Writes them as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|e| Error::invalid("figures have no JSON").because(e))?;
        crate::durable::write(path, &text)
    }

    /// How good `figure` is beside what it was in this run, each by the yardstick of its own run: machines and days
    /// cancel out. None for a figure that was not measured.
    pub fn change(&self, now: &Yardstick, figure: &Figure) -> Option<f64> {
        let then = self.figures.iter().find(|f| f.name == figure.name && f.unit == figure.unit)?;
        let machine = match figure.bound {
            Bound::Memory => now.memory_gb_s / self.yardstick.memory_gb_s,
            Bound::Arithmetic => now.arithmetic_gflop_s / self.yardstick.arithmetic_gflop_s,
            Bound::Nothing => 1.0,
        };
        Some(figure.beside(then.value) / machine).filter(|change| change.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(memory_gb_s: f64, decode: f64, question: f64) -> Figures {
        let yardstick = Yardstick { memory_gb_s, arithmetic_gflop_s: 100.0 };
        let figures = vec![
            Figure::new("answer", decode, "tokens/s", Bound::Memory),
            Figure::new("question", question, "s", Bound::Memory).less(),
        ];
        Figures { format: FORMAT, version: "1".into(), yardstick, figures }
    }

    #[test]
    fn a_slower_machine_is_no_slower_program() {
        let (then, now) = (run(30.0, 120.0, 1.0), run(15.0, 60.0, 2.0));
        let changes: Vec<_> = now.figures.iter().map(|f| then.change(&now.yardstick, f).unwrap()).collect();
        assert_eq!(changes, [1.0, 1.0]);
        let worse = run(30.0, 90.0, 2.0);
        let changes: Vec<_> = worse.figures.iter().map(|f| then.change(&worse.yardstick, f).unwrap()).collect();
        assert_eq!(changes, [0.75, 0.5]);
    }

    #[test]
    fn what_is_saved_is_read_and_what_is_not_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("figures.json");
        let figures = run(30.0, 120.0, 1.0);
        figures.write(&path).unwrap();
        assert_eq!(Figures::read(&path).unwrap(), figures);
        std::fs::write(&path, "{\"format\": 9}").unwrap();
        assert_eq!(Figures::read(&path).unwrap_err().kind(), crate::ErrorKind::Incompatible);
        std::fs::write(&path, "{\"format\": 1}").unwrap();
        assert_eq!(Figures::read(&path).unwrap_err().kind(), crate::ErrorKind::Corrupt);
    }

    #[test]
    fn the_yardstick_is_of_this_world() {
        let yardstick = Yardstick::measure(1).unwrap();
        assert!(yardstick.memory_gb_s > 0.1 && yardstick.memory_gb_s < 10_000.0, "{yardstick:?}");
        assert!(yardstick.arithmetic_gflop_s > 0.1 && yardstick.arithmetic_gflop_s < 100_000.0, "{yardstick:?}");
    }
}
