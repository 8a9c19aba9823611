//! Whether everything needed is there and whole, and what to do where it is not.

use super::Runtime;
use super::device::Settled;
use super::records::NEVER;
use crate::bundle::Bundle;
use crate::device::Device;
use crate::engine::{self, Engine};
use crate::error::{Error, Result};
use serde::Serialize;

/// One thing looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: String,
    /// Whether it is well.
    pub ok: bool,
    /// What was found, or what to do.
    pub detail: String,
    /// Whether no question can be answered until this is mended. A part that was not pulled yet is pulled when needed.
    pub blocks: bool,
}

impl Runtime {
    /// Looks at everything. Pulls and writes nothing but what opening a store writes.
    pub fn doctor(&self) -> Vec<Check> {
        let mut checks = Vec::new();
        let mut look = |check: String, needed: bool, found: Result<String>| {
            let ok = found.is_ok();
            let detail = found.unwrap_or_else(|e| e.to_string());
            checks.push(Check { check, ok, detail, blocks: needed && !ok });
        };
        look("home".into(), true, self.look_at_home());
        for part in self.parts.list().into_iter().filter(|part| part.present || !part.optional) {
            let detail = match &part.path {
                Some(path) => Ok(path.display().to_string()),
                None => Err(Error::not_found(format!("not here yet; `wayside models pull {}` gets it", part.name))),
            };
            look(format!("part {}", part.name), false, detail);
        }
        // Before anything is loaded.
        for (check, needed, found) in self.look_at_signatures() {
            look(check, needed, found);
        }
        let chosen = !matches!(self.config.chosen_library(), Ok(None));
        let needed = chosen || self.parts.path(crate::parts::RUNTIME).is_some();
        match self.settle(|| crate::config::library_path(&self.config, &self.parts)) {
            Err(e) => look("onnxruntime".into(), needed, Err(e)),
            Ok(settled) => {
                look("onnxruntime".into(), needed, Ok(about(&settled.engine)));
                look("device".into(), !self.may_fall_back(), self.look_at_device(settled));
            }
        }
        match self.bundles() {
            Err(e) => look("models".into(), true, Err(e)),
            Ok(bundles) => {
                let configured = [self.config.model.clone(), self.embedder_name()];
                for name in configured.iter().filter(|name| !bundles.iter().any(|(there, _)| there == *name)) {
                    if let Some(none) = self.no_bundle(name) {
                        look(format!("model {name}"), true, Err(none));
                    }
                }
                for (name, bundle) in bundles {
                    let needed = configured.contains(&name);
                    look(format!("model {name}"), needed, bundle.and_then(|bundle| self.look_at_model(&name, &bundle)));
                }
            }
        }
        match self.library().and_then(|l| l.list()) {
            Err(e) => look("adapters".into(), false, Err(e)),
            Ok(adapters) => {
                for (id, entry) in adapters {
                    let whole = entry.and_then(|_| self.entry(&id)).and_then(|e| e.adapter().map(|_| e.manifest));
                    look(format!("adapter {id}"), false, whole.map(|m| format!("rank {}, for {}", m.rank, m.base)));
                }
            }
        }
        look("index".into(), true, self.look_at_index());
        let damaged = self.log().and_then(|log| log.verify());
        // A record that cannot be read costs no more than itself.
        look("log".into(), damaged.is_err(), damaged.and_then(|damaged| self.look_at_log(&damaged)));
        look("sources".into(), true, self.look_at_sources());
        // What is wrong with the declaration was just said.
        for source in self.not_imported().unwrap_or_default() {
            look(format!("records of {source}"), false, Err(Error::not_found(NEVER)));
        }
        checks
    }

    fn look_at_home(&self) -> Result<String> {
        crate::durable::write(&self.home.join(".doctor"), b"")?;
        crate::durable::remove(&self.home.join(".doctor"))?;
        Ok(format!("{} can be written", self.home.display()))
    }

    fn look_at_model(&self, name: &str, bundle: &Bundle) -> Result<String> {
        bundle.verify()?;
        if name == self.config.model {
            bundle.decoder()?;
        }
        if name == self.embedder_name() {
            bundle.encoder()?;
        }
        let m = &bundle.manifest;
        Ok(format!("{}, {:.0} million numbers, {}", m.architecture, m.parameters as f64 / 1e6, m.weights))
    }

    fn look_at_device(&self, settled: Settled) -> Result<String> {
        let asked = self.config.device;
        match settled.refused {
            Some(why) if asked == Device::Auto => Ok(format!("cpu: {why}")),
            Some(why) if self.may_fall_back() => Err(why.context(format!("the CPU serves instead of {asked}"))),
            Some(why) => Err(why.context(format!("{asked} does not work"))),
            None if asked == Device::Cpu && engine::driver().is_ok() => {
                Ok("cpu, as asked; there is an NVIDIA driver too, which `--device cuda` tries".into())
            }
            None if asked == Device::Cpu => Ok("cpu, as asked".into()),
            None => {
                let how = if settled.engine.records() { "; repeats what it has recorded (CUDA graphs)" } else { "" };
                Ok(format!("{}: tried, and computes what the CPU computes{how}", settled.engine.device()))
            }
        }
    }

    fn look_at_index(&self) -> Result<String> {
        let index = self.index()?;
        index.verify()?;
        let stats = index.stats()?;
        Ok(format!("{} documents, {} passages, {} bytes", stats.documents, stats.chunks, stats.bytes))
    }

    fn look_at_sources(&self) -> Result<String> {
        let sources = self.sources()?;
        if sources.is_empty() {
            return Ok("none declared; `wayside records example` shows how".into());
        }
        let declared = format!("{} with {} queries", sources.iter().count(), sources.queries().count());
        if !self.records_dir().exists() {
            return Ok(format!("{declared}; nothing is imported yet"));
        }
        let records = self.records()?;
        records.verify()?;
        let stats = records.stats()?;
        Ok(format!("{declared}; {} records of {} persons", stats.records, stats.subjects))
    }

    fn look_at_log(&self, damaged: &[String]) -> Result<String> {
        let all = self.log()?.len()?;
        match damaged {
            [] => Ok(format!("{all} interactions")),
            [first, ..] => Err(Error::corrupt(format!("{} of {all} cannot be read: {first}", damaged.len()))),
        }
    }
}

fn about(engine: &Engine) -> String {
    let kernels = engine.kernels().map_or("its own".to_owned(), |kernels| format!("Wayside's {}", kernels.name()));
    format!("{} from {}, with {kernels} kernels", engine.build_info(), engine.library().display())
}
