//! `bench`: each flow measured the way its peers are.

use super::train::{CAN_TRAIN, cannot_train};
use super::{Runtime, Wear};
use crate::error::{Error, Result};
use crate::infer::{Sampler, Sampling};
use crate::kernel::Backend;
use crate::lora::LoraConfig;
use crate::memory;
use crate::sample;
use crate::store::Index;
use crate::store::index::{NewChunk, NewDocument, Scored};
use crate::train::{Data, Example, Keep, Keeping, Recipe, Run, Schedule};
use crate::watch::{Cancel, Quiet};
use serde::Serialize;
use std::time::{Duration, Instant};

/// Rounds of each measurement; the median counts.
const ROUNDS: usize = 5;

/// Searches for other vectors before those that are measured.
const WARM: usize = 1_000;

/// Tokens of a vocabulary that such texts are made of, where it has so many.
pub(super) const SOME: usize = 40_000;

/// What generating costs.
#[derive(Clone, Debug, Serialize)]
pub struct GenerateSpeed {
    /// Prompt tokens a second.
    pub prefill_tok_s: f64,
    /// Answer tokens a second, after the prompt.
    pub decode_tok_s: f64,
    /// The most memory this process has had resident, in MB.
    pub peak_rss_mb: u64,
    /// The kernels that computed: `avx2` and the like, or `stock`.
    pub kernels: &'static str,
}

/// What embedding costs.
#[derive(Clone, Debug, Serialize)]
pub struct EmbedSpeed {
    /// Passages a second.
    pub passages_s: f64,
    /// Tokens a second.
    pub tok_s: f64,
    /// The most memory this process has had resident, in MB.
    pub peak_rss_mb: u64,
}

/// What searching costs.
#[derive(Clone, Debug, Serialize)]
pub struct SearchSpeed {
    /// Vectors searched.
    pub vectors: usize,
    /// Share of the true ten nearest that were found.
    pub recall_at_10: f64,
    /// The median search, in microseconds, after a thousand others.
    pub p50_us: f64,
    /// Seconds to put all vectors in.
    pub build_s: f64,
    /// Seconds to put 1,000 more in, until they are durable.
    pub insert_1000_s: f64,
    /// Bytes of the index, before those.
    pub index_bytes: u64,
    /// How much more the process had resident after all searches than before the index was opened, in MB: what of the
    /// index is in memory.
    pub resident_mb: u64,
}

/// What a whole question costs.
#[derive(Clone, Debug, Serialize)]
pub struct AskSpeed {
    /// Questions asked.
    pub questions: usize,
    /// The median, in seconds.
    pub p50_s: f64,
    /// The median wait for the first token, in seconds.
    pub first_token_p50_s: f64,
    /// The median rate after it.
    pub tokens_per_s: f64,
    /// The most memory this process has had resident, in MB.
    pub peak_rss_mb: u64,
}

/// What training costs.
#[derive(Clone, Debug, Serialize)]
pub struct TrainSpeed {
    /// Tokens a second, forward, backward and update together.
    pub tok_s: f64,
    /// Seconds of a step, the median.
    pub step_s: f64,
    /// Sequences that go through at once.
    pub at_once: usize,
    /// Layers that keep everything between forward and backward; the others compute some of it again.
    pub layers_kept: usize,
    /// The memory that was expected, in MB.
    pub predicted_mb: u64,
    /// The most memory this process has had resident, in MB.
    pub peak_rss_mb: u64,
}

impl Runtime {
    /// Steps of `sequences` times `length` random tokens, all learned, within `max_memory_mb`: rank 8 on all linear
    /// layers, AdamW, as the peers are measured.
    pub fn bench_train(
        &self,
        sequences: usize,
        length: usize,
        max_memory_mb: u64,
        model: Option<&str>,
    ) -> Result<TrainSpeed> {
        if !CAN_TRAIN {
            return Err(cannot_train());
        }
        let bundle = self.bundle(model.unwrap_or(&self.config.model))?;
        let example = |s: usize| Example::whole(tokens(length + 1, s, SOME));
        let data = Data { examples: (0..sequences).map(example).collect::<Result<_>>()?, ..Data::default() };
        let recipe = Recipe {
            lora: LoraConfig::default(),
            rate: 1e-4,
            schedule: Schedule::Constant,
            batch: sequences,
            steps: ROUNDS as u64 + 1,
            seed: 0,
            memory: max_memory_mb << 20,
        };
        let scratch = tempfile::tempdir().map_err(|e| Error::io("cannot make a scratch folder", e))?;
        let keeping = Keeping { folder: scratch.path(), interval: Duration::MAX };
        let mut run = Run::open(&self.engine()?, &bundle, &data, recipe, keeping)?;
        let mut seconds = Vec::new();
        self.progress.start("train", ROUNDS as u64 + 1);
        while let Some(step) = run.advance(&self.cancel)? {
            self.progress.at(step.step);
            seconds.push(step.seconds);
        }
        self.progress.finish();
        // The first step pays for pages and tables.
        let step_s = median(&mut seconds[1..]);
        let plan = run.plan();
        Ok(TrainSpeed {
            tok_s: (sequences * length) as f64 / step_s,
            step_s,
            at_once: plan.rows / length.max(1),
            layers_kept: plan.keep.iter().filter(|k| **k == Keep::All).count(),
            predicted_mb: plan.bytes >> 20,
            peak_rss_mb: peak_mb(),
        })
    }

    /// A prompt of `prompt` tokens and an answer of `generate`, greedy, `ROUNDS` times; the prompts are the peers'.
    pub fn bench_generate(
        &self,
        prompt: usize,
        generate: usize,
        model: Option<&str>,
        wear: &Wear,
    ) -> Result<GenerateSpeed> {
        let mut context = self.context(model, wear)?;
        let vocabulary = context.model().vocabulary().min(SOME);
        let mut sampler = Sampler::new(&Sampling::greedy())?;
        let (mut prefill, mut decode) = (Vec::new(), Vec::new());
        self.progress.start("generate", ROUNDS as u64);
        for round in 0..ROUNDS {
            let ids = tokens(prompt, round, vocabulary);
            context.truncate(0);
            context.expect(prompt + generate);
            let begin = Instant::now();
            let mut logits = context.feed(&ids, &self.cancel)?;
            prefill.push(prompt as f64 / begin.elapsed().as_secs_f64());
            let begin = Instant::now();
            for _ in 0..generate {
                let token = sampler.next(&mut logits, &[])?;
                logits = context.feed(&[token], &self.cancel)?;
            }
            decode.push(generate as f64 / begin.elapsed().as_secs_f64());
            self.progress.at(round as u64 + 1);
        }
        self.progress.finish();
        Ok(GenerateSpeed {
            prefill_tok_s: median(&mut prefill),
            decode_tok_s: median(&mut decode),
            peak_rss_mb: peak_mb(),
            kernels: self.engine()?.kernels().map_or("stock", Backend::name),
        })
    }

    /// Embeds `texts`, in batches as an ingest does.
    pub fn bench_embed(&self, texts: &[&str]) -> Result<EmbedSpeed> {
        let embedder = self.embedder()?;
        let tokens: usize = texts.iter().map(|t| embedder.count(t)).sum();
        embedder.passages(&texts[..texts.len().min(8)], &Quiet, &self.cancel)?;
        let begin = Instant::now();
        embedder.passages(texts, &*self.progress, &self.cancel)?;
        let seconds = begin.elapsed().as_secs_f64();
        Ok(EmbedSpeed {
            passages_s: texts.len() as f64 / seconds,
            tok_s: tokens as f64 / seconds,
            peak_rss_mb: peak_mb(),
        })
    }

    /// Puts `vectors` into an index of their own in a scratch folder, opens it again, searches for each of `queries`,
    /// and puts 1,000 more in.
    pub fn bench_search(&self, vectors: &[Vec<f32>], queries: &[Vec<f32>]) -> Result<SearchSpeed> {
        let dims = vectors.first().map_or(0, Vec::len);
        if dims == 0 || queries.is_empty() {
            return Err(Error::invalid("there is nothing to search: give vectors and queries"));
        }
        let scratch = tempfile::tempdir().map_err(|e| Error::io("cannot make a scratch folder", e))?;
        let folder = scratch.path().join("index");
        let index = Index::open(&folder)?;
        index.set_embedder("bench", dims)?;
        let put = |index: &Index, name: &str, part: &[Vec<f32>]| {
            let vectors = part.iter().cloned();
            let chunk = |vector| NewChunk { section: String::new(), text: String::new(), tokens: 0, vector };
            let (name, digest, title) = (name.to_owned(), String::new(), String::new());
            let document = NewDocument { name, digest, title, chunks: vectors.map(chunk).collect() };
            index.apply("bench", vec![document], &[], &self.cancel)
        };
        let begin = Instant::now();
        self.progress.start("index", vectors.len() as u64);
        for (at, part) in vectors.chunks(20_000).enumerate() {
            put(&index, &at.to_string(), part)?;
            self.progress.at(((at + 1) * 20_000).min(vectors.len()) as u64);
        }
        self.progress.finish();
        let build_s = begin.elapsed().as_secs_f64();
        let index_bytes = index.stats()?.bytes;
        drop(index);
        let resident = || memory::resident().unwrap_or(0);
        let before = resident();
        let index = Index::open(&folder)?;
        // A process checks each value of the index when it first meets it.
        for other in vectors.iter().step_by((vectors.len() / WARM).max(1)) {
            index.nearest(Some("bench"), other, 10)?;
        }
        let (mut times, mut found) = (Vec::new(), Vec::new());
        for query in queries {
            let begin = Instant::now();
            let hits = index.nearest(Some("bench"), query, 10)?;
            times.push(begin.elapsed().as_secs_f64() * 1e6);
            found.push(hits);
        }
        let resident_mb = resident().saturating_sub(before) >> 20;
        let more: Vec<Vec<f32>> = vectors.iter().cycle().take(1_000).cloned().collect();
        let begin = Instant::now();
        put(&index, "more", &more)?;
        let insert_1000_s = begin.elapsed().as_secs_f64();
        Ok(SearchSpeed {
            vectors: vectors.len(),
            recall_at_10: recall(vectors, queries, &found),
            p50_us: median(&mut times),
            build_s,
            insert_1000_s,
            index_bytes,
            resident_mb,
        })
    }

    /// Asks the questions of the built-in sample over its documents, in a scratch home.
    pub fn bench_ask_sample(&self, max_tokens: usize) -> Result<AskSpeed> {
        let scratch = tempfile::tempdir().map_err(|e| Error::io("cannot make a scratch folder", e))?;
        let shop = scratch.path().join("shop");
        sample::SHOP.write(&shop)?;
        let beside = self.beside(&scratch.path().join("home"));
        beside.ingest(&[shop.join("documents")], None)?;
        let questions: Vec<String> = sample::SHOP.questions()?.into_iter().map(|q| q.question).collect();
        beside.bench_ask(&questions, max_tokens)
    }

    /// Asks `questions` of what is ingested.
    pub fn bench_ask(&self, questions: &[String], max_tokens: usize) -> Result<AskSpeed> {
        let (mut whole, mut first, mut rate) = (Vec::new(), Vec::new(), Vec::new());
        self.progress.start("ask", questions.len() as u64);
        for (done, text) in (1..).zip(questions) {
            let mut question = self.question(text);
            question.max_tokens = max_tokens;
            question.sampling = Sampling::greedy();
            let begin = Instant::now();
            let answer = self.ask(&question, &Cancel::new(), &mut |_| {})?;
            whole.push(begin.elapsed().as_secs_f64());
            first.push(answer.first_token_s);
            rate.push(answer.tokens_per_s);
            self.progress.at(done);
        }
        self.progress.finish();
        Ok(AskSpeed {
            questions: questions.len(),
            p50_s: median(&mut whole),
            first_token_p50_s: median(&mut first),
            tokens_per_s: median(&mut rate),
            peak_rss_mb: peak_mb(),
        })
    }
}

/// The share of the true ten nearest that were found; ties count for either side.
fn recall(vectors: &[Vec<f32>], queries: &[Vec<f32>], found: &[Vec<Scored>]) -> f64 {
    let unit: Vec<Vec<f32>> = vectors.iter().map(|v| normalized(v)).collect();
    let tenth = vectors.len().min(10) - 1;
    let right = |(query, hits): (&Vec<f32>, &Vec<Scored>)| {
        let mut exact: Vec<f32> = unit.iter().map(|v| dot(v, query)).collect();
        exact.select_nth_unstable_by(tenth, |a, b| b.total_cmp(a));
        let norm = dot(query, query).sqrt();
        hits.iter().filter(|h| h.score >= exact[tenth] / norm - 1e-5).count().min(tenth + 1)
    };
    queries.iter().zip(found).map(right).sum::<usize>() as f64 / (queries.len() * (tenth + 1)) as f64
}

/// The tokens of the `nth` text that peers are measured with, out of the first `vocabulary`.
pub(super) fn tokens(count: usize, nth: usize, vocabulary: usize) -> Vec<u32> {
    (0..count).map(|i| ((100 + i * 7919 + nth * 104_729) % vocabulary) as u32).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn normalized(v: &[f32]) -> Vec<f32> {
    let norm = dot(v, v).sqrt();
    v.iter().map(|x| x / norm).collect()
}

pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// The most memory this process has had, in MB; 0 where the system does not tell.
pub(super) fn peak_mb() -> u64 {
    memory::peak().unwrap_or(0) >> 20
}
