//! The sessions of a language model, each made when it is first needed: the plain one, and one that takes an adapter as
//! inputs and serves them all, of whatever ranks. Both map the same weights.

use super::language_model::LOGITS_TO_KEEP;
use crate::bundle::{self, Bundle};
use crate::engine::{Engine, Session, Tensor};
use crate::error::{Error, Result};
use crate::graph::{DType, Extent, lower};
use crate::lora::{Adapter, Places, inject};
use crate::onnx;
use prost::Message;
use std::sync::{Arc, Mutex, PoisonError};

/// Arrays by the names of the inputs that take them.
pub type Arrays = Vec<(String, Tensor)>;

/// What a model runs in.
pub struct Sessions {
    engine: Engine,
    bundle: Bundle,
    plain: Mutex<Option<Arc<Session>>>,
    adapted: Mutex<Option<Arc<Adapted>>>,
}

struct Adapted {
    session: Arc<Session>,
    places: Places,
}

impl Sessions {
    /// Those of a bundle; none is made yet.
    pub fn new(engine: &Engine, bundle: &Bundle) -> Self {
        Self { engine: engine.clone(), bundle: bundle.clone(), plain: Mutex::default(), adapted: Mutex::default() }
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// What computes: version, commit and flags of the library.
    pub fn build_info(&self) -> String {
        self.engine.build_info()
    }

    /// The model as it is.
    pub fn plain(&self) -> Result<Arc<Session>> {
        once(&self.plain, || {
            self.check()?;
            let graph = onnx::requiring(&self.bundle.path(bundle::MODEL)?, LOGITS_TO_KEEP)?;
            self.engine.session(&graph, &self.bundle.dir)
        })
    }

    /// The session that takes adapters, and what it takes for this one: two arrays for each place.
    pub fn adapted(&self, adapter: &Adapter) -> Result<(Arc<Session>, Arrays)> {
        if adapter.changes_nothing() {
            return Err(Error::invalid(
                "the adapter changes nothing: all its updates are zero; train it before it is used",
            ));
        }
        let adapted = once(&self.adapted, || self.adapt())?;
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

    fn adapt(&self) -> Result<Adapted> {
        self.check()?;
        let (graph, places) = Places::open(&self.bundle)?;
        let graph = inject(graph, &places, &mut |graph, place| {
            let extent = |what: &str| Extent::Named(format!("{}.{what}", place.name).into());
            let [a, b] = names(&place.name);
            let a = graph.input(&a, DType::F32, [place.inputs.into(), extent("columns")]);
            Ok(Some([a, graph.input(&b, DType::F32, [extent("rows"), place.outputs.into()])]))
        })?;
        let mut model = lower(&graph);
        onnx::require(&mut model, LOGITS_TO_KEEP);
        let session = self.engine.session(&model.encode_to_vec(), &self.bundle.dir)?;
        Ok(Adapted { session: Arc::new(session), places })
    }

    /// Whether the bundle is still the one that was opened.
    fn check(&self) -> Result<()> {
        if Bundle::open(&self.bundle.dir)?.manifest == self.bundle.manifest {
            return Ok(());
        }
        let name = &self.bundle.manifest.name;
        Err(Error::incompatible(format!("the model {name} was replaced while it was in use; start the program anew")))
    }
}

/// What `slot` holds, made if it holds nothing.
fn once<T>(slot: &Mutex<Option<Arc<T>>>, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
    // It is only ever filled whole.
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = &*slot {
        return Ok(made.clone());
    }
    Ok(slot.insert(Arc::new(make()?)).clone())
}

/// The names of a place's inputs.
fn names(place: &str) -> [String; 2] {
    ["a", "b"].map(|side| format!("{place}.{side}"))
}
