//! The sessions of a language model, each made when it is first needed: the plain one, one that takes an adapter as
//! inputs and serves them all, of whatever ranks, and of each a twin for several conversations at once. All map the
//! same weights.

use super::lanes::{Job, Lanes};
use super::language_model::LOGITS_TO_KEEP;
use super::worn::Worn;
use crate::bundle::{self, Bundle, Decoder};
use crate::engine::{Engine, Session, Tensor};
use crate::error::{Error, Result};
use crate::graph::{DType, Extent, Graph, can_share, fixed, fuse, half, lanes, lower, map_weights, raise, stack};
use crate::kernel;
use crate::lora::{Adapter, Places, inject};
use crate::onnx;
use memmap2::Mmap;
use prost::Message;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Arrays by the names of the inputs that take them.
pub type Arrays = Vec<(String, Tensor)>;

/// What a model runs in.
pub struct Sessions {
    engine: Engine,
    bundle: Bundle,
    /// Its weights, mapped once for all sessions.
    weights: Mutex<Option<Option<Arc<Mmap>>>>,
    plain: Mutex<Option<Arc<Session>>>,
    adapted: Mutex<Option<Arc<Adapted>>>,
    /// Sessions for several conversations, with an adapter's arrays or without, made when two answer at once.
    together: [Mutex<Option<Together>>; 2],
    /// Whether conversations can share a pass, without an adapter and with one: told when the session is made.
    shares: [OnceLock<bool>; 2],
}

/// Lanes of conversations that wear one adapter, or none.
struct Together {
    session: Arc<Session>,
    kind: Option<String>,
    lanes: Lanes,
}

struct Adapted {
    session: Arc<Session>,
    places: Places,
}

impl Sessions {
    /// Those of a bundle; none is made yet.
    pub fn new(engine: &Engine, bundle: &Bundle) -> Self {
        Self {
            engine: engine.clone(),
            bundle: bundle.clone(),
            weights: Mutex::default(),
            plain: Mutex::default(),
            adapted: Mutex::default(),
            together: Default::default(),
            shares: Default::default(),
        }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What computes: version, commit and flags of the library, and which kernels.
    pub fn build_info(&self) -> String {
        let kernels = if self.engine.has_kernels() { kernel::VERSION } else { 0 };
        let half = if self.engine.has_half() { "; attention in float16" } else { "" };
        format!("{}; kernels {kernels}; {}{half}", self.engine.build_info(), self.engine.device())
    }

    /// The model as it is.
    pub fn plain(&self) -> Result<Arc<Session>> {
        once(&self.plain, || {
            self.check()?;
            let session = match self.own()? {
                Some(graph) => self.open_recording(&graph).map_or_else(|| self.open(graph, false), Ok),
                None => {
                    let path = self.bundle.path(bundle::MODEL)?;
                    self.engine.session(&onnx::requiring(&path, LOGITS_TO_KEEP)?, &self.bundle.dir)
                }
            };
            session.map(Arc::new)
        })
    }

    /// The session that takes adapters, and what it takes for this one: two arrays for each place.
    pub fn adapted(&self, adapter: &Adapter) -> Result<(Arc<Session>, Arrays)> {
        if adapter.changes_nothing() {
            return Err(Error::invalid(
                "the adapter changes nothing: all its updates are zero; train it before it is used",
            ));
        }
        let adapted = once(&self.adapted, || self.adapt().map(Arc::new))?;
        adapted.places.check(adapter)?;
        let mut arrays = Vec::with_capacity(2 * adapted.places.list.len());
        for place in &adapted.places.list {
            let factors = adapted.places.all_factors(place, adapter)?;
            let [a, b] = names(&place.name);
            arrays.push((a, Tensor::f32(&[place.inputs, factors.columns], factors.a)?));
            arrays.push((b, Tensor::f32(&[factors.rows, place.outputs], factors.b)?));
        }
        Ok((adapted.session.clone(), arrays))
    }

    /// Whether several conversations can go through one pass, with an adapter or without; known once there is one.
    pub fn can_share(&self, adapted: bool) -> bool {
        self.shares[usize::from(adapted)].get().is_some_and(|shares| *shares)
    }

    /// Runs a pass for several conversations, all of a kind: of those that wear `worn`, or nothing.
    pub fn together(&self, worn: Option<&Worn>, decoder: &Decoder, jobs: &mut [Job]) -> Result<Vec<Tensor>> {
        let slot = &self.together[usize::from(worn.is_some())];
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = worn.map(|w| w.id().to_owned());
        let mut made = slot.take();
        if made.as_ref().is_none_or(|t| t.kind != kind) {
            let session = match made {
                Some(other) => other.session,
                None => Arc::new(self.open_lanes(worn.is_some())?),
            };
            let lanes = Lanes::new(session.clone(), decoder, worn.map_or(&vec![], |w| &w.arrays))?;
            made = Some(Together { session, kind, lanes });
        }
        let Some(made) = made else { return Err(Error::engine("no lanes")) };
        slot.insert(made).lanes.run(jobs)
    }

    /// The graph, where it is to be rewritten; none of a model that came ready, with operators that are not ours.
    fn own(&self) -> Result<Option<Graph>> {
        let read = || onnx::read(&self.bundle.path(bundle::MODEL)?);
        Ok(if self.engine.has_kernels() || self.engine.has_half() { raise(read()?).ok() } else { None })
    }

    fn open_lanes(&self, adapted: bool) -> Result<Session> {
        self.check()?;
        let graph = match adapted {
            true => Some(self.taking_adapters()?.0),
            false => self.own()?,
        };
        let graph = graph.ok_or_else(|| Error::unsupported("a model that takes one conversation at a time"))?;
        self.load(stack(lanes(fuse(graph)?)?)?)
    }

    fn adapt(&self) -> Result<Adapted> {
        self.check()?;
        let (graph, places) = self.taking_adapters()?;
        Ok(Adapted { session: Arc::new(self.open(graph, true)?), places })
    }

    /// The graph with an adapter's arrays as inputs.
    fn taking_adapters(&self) -> Result<(Graph, Places)> {
        let (graph, places) = Places::open(&self.bundle)?;
        let graph = inject(graph, &places, &mut |graph, place| {
            let extent = |what: &str| Extent::Named(format!("{}.{what}", place.name).into());
            let [a, b] = names(&place.name);
            let a = graph.input(&a, DType::F32, [place.inputs.into(), extent("columns")]);
            Ok(Some([a, graph.input(&b, DType::F32, [extent("rows"), place.outputs.into()])]))
        })?;
        Ok((graph, places))
    }

    /// A session that records passes, where the engine is to do so and the graph lets it. Without an adapter alone:
    /// one has its arrays at addresses of its own.
    fn open_recording(&self, graph: &Graph) -> Option<Session> {
        if !self.engine.records() {
            return None;
        }
        let model = half(graph.clone()).and_then(fixed).map(|graph| lower(&graph).encode_to_vec());
        let session = model.and_then(|model| self.engine.recording_session(&model, &self.bundle.dir));
        session.inspect_err(|e| log::info!("passes are not recorded: {e}")).ok()
    }

    /// A session for a graph over the bundle's weights, in the nodes that are fastest here.
    fn open(&self, graph: Graph, adapted: bool) -> Result<Session> {
        let graph = match (self.engine.has_half(), self.engine.has_kernels()) {
            (true, _) => half(graph)?,
            (false, true) if !graph.is_stock() => fuse(graph)?,
            (false, _) => graph,
        };
        let _told = self.shares[usize::from(adapted)].set(can_share(&graph));
        self.load(stack(graph)?)
    }

    fn load(&self, graph: Graph) -> Result<Session> {
        let mut model = lower(&graph);
        onnx::require(&mut model, LOGITS_TO_KEEP);
        let weights = once(&self.weights, || map_weights(&self.bundle.dir))?;
        self.engine.session_over(&model.encode_to_vec(), &self.bundle.dir, weights)
    }

    /// Whether the bundle is still the one that was opened.
    fn check(&self) -> Result<()> {
        if Bundle::open(&self.bundle.dir)?.manifest == self.bundle.manifest {
            return self.check_form();
        }
        let name = &self.bundle.manifest.name;
        Err(Error::incompatible(format!("the model {name} was replaced while it was in use; start the program anew")))
    }

    /// Whether what computes reads the weights as they are kept: a file's own blocks are for kernels of ours. Without
    /// them the CPU has plain loops, and a GPU nothing.
    fn check_form(&self) -> Result<()> {
        if self.engine.has_kernels() {
            return Ok(());
        }
        let graph = onnx::read(&self.bundle.path(bundle::MODEL)?)?.graph.unwrap_or_default();
        if graph.node.iter().all(|node| node.op_type != kernel::MAT_MUL_PACKED) {
            return Ok(());
        }
        let name = &self.bundle.manifest.name;
        let remedy = format!(
            "`wayside export --onnx DIR --model {name}` writes what any device reads, and `wayside import DIR --name \
             NAME` takes it in"
        );
        if self.engine.has_half() {
            return Err(Error::unsupported(format!("the model {name} is kept for this processor's kernels; {remedy}")));
        }
        log::warn!("the model {name} is kept for kernels that are switched off or not there, and is slow; {remedy}");
        Ok(())
    }
}

/// What `slot` holds, made if it holds nothing.
fn once<T: Clone>(slot: &Mutex<Option<T>>, make: impl FnOnce() -> Result<T>) -> Result<T> {
    // It is only ever filled whole.
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = &*slot {
        return Ok(made.clone());
    }
    Ok(slot.insert(make()?).clone())
}

/// The names of a place's inputs.
fn names(place: &str) -> [String; 2] {
    ["a", "b"].map(|side| format!("{place}.{side}"))
}
