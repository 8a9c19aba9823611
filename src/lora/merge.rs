//! A model that carries an adapter: a bundle of its own that shares every unchanged byte with its base.
//!
//! ```text
//! models/<name>/
//!   weights.bin    the base's: another name of the same file
//!   adapter.bin    the factors of every place, with the offsets of the matrices they join
//!   model.onnx     the base's graph with them in it
//! ```
//!
//! The factors stay factors, because a trained change is far smaller than a step of the 4-bit grid: 0.0003 against
//! 0.05 in the mean. What other ways keep of an adapter's gain, in held-out nats a token (default model, rank 8, one
//! epoch on 212 questions; `benches/merge_candidates.py`):
//!
//! ```text
//! rounded to new 4-bit blocks               9 %
//! rounded to the levels that are there      0 %
//! the same, calibrated (GPTQ)              39 %
//! pooled into the blocks' offsets           5 %   exact only for an adapter that was trained pooled
//! 8 bits for what changed                99.5 %   every layer twice as large, and none shared
//! factors                                 100 %   31 MB beside the shared 114; decodes at about 0.95 of the speed
//! ```

use super::adapter::Adapter;
use super::inject::inject;
use super::places::Places;
use crate::bundle::{self, Bundle, Manifest, Merged};
use crate::durable::Staged;
use crate::error::{Error, Result};
use crate::graph::{DType, WeightsWriter, lower};
use crate::watch::Cancel;
use prost::Message;
use std::path::Path;

/// The file of the factors.
const FACTORS: &str = "adapter.bin";

/// Writes `base` with `adapter`, which goes by `id` and learned from `subjects`, as the bundle `dir`, whose last part
/// is its name. What was there before is replaced whole.
///
/// Errors: as [`Places::open`] and [`Adapter::check`]; `Corrupt` when a file of the base was altered.
pub fn merge(
    base: &Bundle,
    adapter: &Adapter,
    id: &str,
    subjects: &[String],
    dir: &Path,
    cancel: &Cancel,
) -> Result<Bundle> {
    let name = bundle::name_of(dir)?;
    if dir == base.dir {
        return Err(Error::invalid(format!("{name} cannot take its own place; give the merged model another name")));
    }
    let (graph, places) = Places::open(base)?;
    base.verify()?;
    places.check(adapter)?;
    let staged = Staged::new(dir)?;
    let mut writer = WeightsWriter::create(staged.path(), FACTORS)?;
    let graph = inject(graph, &places, &mut |graph, place| {
        cancel.check()?;
        let Some(factors) = places.factors(place, adapter)? else { return Ok(None) };
        let mut constant = |part: &str, shape: [usize; 2], numbers: &[f32]| {
            let data = writer.write(numbers)?;
            let value = graph.constant(&format!("{}.{part}", place.name), DType::F32, &shape, data);
            graph.replaceable(value);
            Ok::<_, Error>(value)
        };
        let a = constant("a", [place.inputs, factors.columns], &factors.a)?;
        Ok(Some([a, constant("b", [factors.rows, place.outputs], &factors.b)?]))
    })?;
    writer.finish()?;
    let path = staged.path().join(bundle::MODEL);
    std::fs::write(&path, lower(&graph).encode_to_vec())
        .map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
    for file in base.manifest.files.keys().filter(|file| *file != bundle::MODEL) {
        share(&base.path(file)?, &staged.path().join(file))?;
    }
    let merged = Merged {
        base: base.manifest.name.clone(),
        base_fingerprint: base.fingerprint(),
        adapter: id.to_owned(),
        subjects: subjects.to_vec(),
    };
    let manifest = Manifest { name, merged: Some(merged), files: Default::default(), ..base.manifest.clone() };
    Bundle::publish(staged, manifest, dir)
}

/// Gives a file a second name; where a folder lies on another disk, or its system knows no second names, a copy. Files
/// of bundles are replaced and never written to, so neither bundle can change the other's.
fn share(from: &Path, to: &Path) -> Result<()> {
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    std::fs::copy(from, to).map(drop).map_err(|e| Error::io(format!("cannot copy {}", from.display()), e))
}
