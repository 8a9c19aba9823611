//! The session of a model that takes adapters as inputs: one for all of them, made when the first is asked for.

use super::language_model::LOGITS_TO_KEEP;
use crate::bundle::Bundle;
use crate::engine::{Engine, Session, Tensor};
use crate::error::{Error, Result};
use crate::graph::{DType, Extent, lower};
use crate::lora::{Adapter, Places, inject};
use crate::onnx;
use prost::Message;
use std::sync::{Arc, Mutex, PoisonError};

/// What makes adapters wearable.
pub struct Wardrobe {
    engine: Engine,
    bundle: Bundle,
    made: Mutex<Option<Arc<Made>>>,
}

struct Made {
    session: Arc<Session>,
    places: Places,
}

impl Wardrobe {
    /// One for a bundle; nothing is loaded yet.
    pub fn new(engine: &Engine, bundle: &Bundle) -> Self {
        Self { engine: engine.clone(), bundle: bundle.clone(), made: Mutex::new(None) }
    }

    /// The session, and what it takes for `adapter`: two arrays for each place.
    pub fn dress(&self, adapter: &Adapter) -> Result<(Arc<Session>, Vec<(String, Tensor)>)> {
        if adapter.changes_nothing() {
            return Err(Error::invalid("the adapter changes nothing: all its updates are zero; train it before it is used"));
        }
        let made = self.made()?;
        made.places.check(adapter)?;
        let mut arrays = Vec::with_capacity(2 * made.places.list.len());
        for place in &made.places.list {
            let factors = made.places.all_factors(place, adapter)?;
            let [a, b] = names(&place.name);
            arrays.push((a, Tensor::f32(&[place.inputs, factors.rank], factors.a)?));
            arrays.push((b, Tensor::f32(&[factors.rank, place.outputs], factors.b)?));
        }
        Ok((made.session.clone(), arrays))
    }

    fn made(&self) -> Result<Arc<Made>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(made.clone());
        }
        let name = &self.bundle.manifest.name;
        if Bundle::open(&self.bundle.dir)?.manifest != self.bundle.manifest {
            return Err(Error::incompatible(format!(
                "{name} was imported again since it was loaded; start anew to give it an adapter"
            )));
        }
        let (graph, places) = Places::open(&self.bundle)?;
        let graph = inject(graph, &places, &mut |graph, place| {
            let rank = || Extent::Named(format!("{}.rank", place.name).into());
            let [a, b] = names(&place.name);
            let a = graph.input(&a, DType::F32, [place.inputs.into(), rank()]);
            Ok(Some([a, graph.input(&b, DType::F32, [rank(), place.outputs.into()])]))
        })?;
        let mut model = lower(&graph);
        onnx::require(&mut model, LOGITS_TO_KEEP);
        let session = Arc::new(self.engine.session(&model.encode_to_vec(), &self.bundle.dir)?);
        Ok(made.insert(Arc::new(Made { session, places })).clone())
    }
}

/// The names of a place's inputs.
fn names(place: &str) -> [String; 2] {
    ["a", "b"].map(|side| format!("{place}.{side}"))
}
