//! A linear layer that sentence-transformers has behind the pooling, in a folder of its own.

use super::huggingface::Keys;
use super::source::Patch;
use crate::error::{Error, Result};
use crate::format::safetensors::Folder;
use std::path::Path;

/// Such a layer.
#[derive(Clone, Debug)]
pub(super) struct Dense {
    /// Its folder's name.
    pub path: String,
    pub inputs: usize,
    pub outputs: usize,
    pub bias: bool,
    /// Whether what comes of it goes through tanh.
    pub tanh: bool,
}

impl Dense {
    /// What `path` within `folder` says. Errors: `Unsupported` for another function behind it than tanh.
    pub fn read(folder: &Path, path: &str) -> Result<Self> {
        let config = Keys::read(&folder.join(path), "config.json")?;
        let function = config.text("activation_function").unwrap_or_else(|_| "Tanh".into());
        let tanh = match function.rsplit('.').next().unwrap_or_default() {
            "Tanh" => true,
            "Identity" => false,
            other => {
                return Err(Error::unsupported(format!(
                    "{} asks for the function {other:?}; known are Tanh and Identity",
                    config.file()
                )));
            }
        };
        Ok(Self {
            path: path.to_owned(),
            inputs: config.size("in_features")?,
            outputs: config.size("out_features")?,
            bias: config.flag("bias").unwrap_or(true),
            tanh,
        })
    }
}

/// The weights of these layers of `folder`, as `dense.N.weight` and `dense.N.bias`.
pub(super) fn weights(folder: &Path, layers: &[Dense]) -> Result<Patch> {
    let mut patch = Patch::new();
    for (at, layer) in layers.iter().enumerate() {
        let home = folder.join(&layer.path);
        let path = home.join("model.safetensors");
        if !path.exists() {
            return Err(Error::unsupported(format!(
                "{} is missing; SentenceTransformer(FOLDER).save(FOLDER) of sentence-transformers writes it",
                path.display()
            )));
        }
        let file = Folder::file(&path)?;
        for part in ["weight", "bias"].into_iter().take(1 + usize::from(layer.bias)) {
            let name = format!("linear.{part}");
            let lacks = || Error::corrupt(format!("{} lacks the tensor {name}", path.display()));
            let tensor = file.tensor(&name).ok_or_else(lacks)??;
            let bytes = bytemuck::cast_slice(&tensor.to_f32()).to_vec();
            patch.insert(format!("dense.{at}.{part}"), (tensor.shape, bytes));
        }
    }
    Ok(patch)
}
