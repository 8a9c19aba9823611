//! What a model file from outside must pass before ONNX Runtime sees it: its external data stays in its folder.
//!
//! Every tensor of the file is looked at, wherever it hides: initializers, sparse initializers, attributes,
//! subgraphs and functions. A location must be a plain relative path without `..`, lead to an ordinary file (no
//! symbolic link on the way, one hard link) inside the folder, and lie within that file.

use super::proto::{Attribute, EXTERNAL, Graph, Model, Node, SparseTensor, Tensor};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Checks `model`, which was read from `folder`; returns the files its external data lives in, relative to it.
pub fn external_data(model: &Model, folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let mut check = Check { folder, files: BTreeSet::new() };
    if let Some(graph) = &model.graph {
        check.graph(graph)?;
    }
    for function in &model.functions {
        check.nodes(&function.node)?;
        function.attribute_proto.iter().try_for_each(|a| check.attribute(a))?;
    }
    Ok(check.files)
}

struct Check<'a> {
    folder: &'a Path,
    files: BTreeSet<PathBuf>,
}

impl Check<'_> {
    fn graph(&mut self, graph: &Graph) -> Result<()> {
        graph.initializer.iter().try_for_each(|t| self.tensor(t))?;
        graph.sparse_initializer.iter().try_for_each(|t| self.sparse(t))?;
        self.nodes(&graph.node)
    }

    fn nodes(&mut self, nodes: &[Node]) -> Result<()> {
        nodes.iter().flat_map(|n| &n.attribute).try_for_each(|a| self.attribute(a))
    }

    fn attribute(&mut self, a: &Attribute) -> Result<()> {
        a.t.iter().chain(&a.tensors).try_for_each(|t| self.tensor(t))?;
        a.sparse_tensor.iter().chain(&a.sparse_tensors).try_for_each(|t| self.sparse(t))?;
        a.g.iter().chain(&a.graphs).try_for_each(|g| self.graph(g))
    }

    fn sparse(&mut self, sparse: &SparseTensor) -> Result<()> {
        sparse.values.iter().chain(&sparse.indices).try_for_each(|t| self.tensor(t))
    }

    fn tensor(&mut self, tensor: &Tensor) -> Result<()> {
        if tensor.data_location != Some(EXTERNAL) && tensor.external_data.is_empty() {
            return Ok(());
        }
        let name = &tensor.name;
        let entry = |key: &str| tensor.external_data.iter().find(|e| e.key == key).map(|e| e.value.as_str());
        let number = |key: &str| match entry(key) {
            None => Ok(None),
            Some(text) => text
                .parse::<u64>()
                .map(Some)
                .map_err(|_| Error::corrupt(format!("tensor {name}: external {key} is {text:?}"))),
        };
        let location =
            entry("location").ok_or_else(|| Error::corrupt(format!("tensor {name} is external but names no file")))?;
        let path = Path::new(location);
        let plain = location.len() < 4096
            && path.components().next().is_some()
            && path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if !plain {
            return Err(Error::corrupt(format!("tensor {name} points outside the model's folder: {location:?}")));
        }
        let length = self.file(path, name)?;
        let end = number("offset")?.unwrap_or(0).checked_add(number("length")?.unwrap_or(0));
        if end.is_none_or(|end| end > length) {
            return Err(Error::corrupt(format!(
                "tensor {name} reaches past the end of {location} ({length} bytes); the file is truncated, fetch it again"
            )));
        }
        self.files.insert(path.to_owned());
        Ok(())
    }

    /// The length of an ordinary file below the folder.
    fn file(&self, path: &Path, tensor: &str) -> Result<u64> {
        let mut at = self.folder.to_owned();
        for part in path.components() {
            at.push(part);
            let about = std::fs::symlink_metadata(&at)
                .map_err(|e| Error::io(format!("tensor {tensor} needs {}", at.display()), e))?;
            if about.is_symlink() {
                return Err(Error::corrupt(format!(
                    "{} is a symbolic link; put the file itself into the model's folder",
                    at.display()
                )));
            }
            if about.is_file() {
                #[cfg(unix)]
                if std::os::unix::fs::MetadataExt::nlink(&about) > 1 {
                    return Err(Error::corrupt(format!(
                        "{} has more than one name (hard link); copy the file itself into the model's folder",
                        at.display()
                    )));
                }
                return Ok(about.len());
            }
        }
        Err(Error::corrupt(format!("tensor {tensor} points to {}, which is no file", at.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::proto::{Entry, Function};
    use super::*;
    use std::fs;

    fn external(location: &str, offset: &str, length: &str) -> Tensor {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        Tensor {
            name: "w".into(),
            data_location: Some(EXTERNAL),
            external_data: vec![entry("location", location), entry("offset", offset), entry("length", length)],
            ..Tensor::default()
        }
    }

    fn check(folder: &Path, tensor: Tensor) -> Vec<Result<BTreeSet<PathBuf>>> {
        let inner = Graph { initializer: vec![tensor.clone()], ..Graph::default() };
        let sparse = SparseTensor { values: Some(tensor.clone()), indices: None };
        let with = |a: Attribute| Node { attribute: vec![a], ..Node::default() };
        let graphs = [
            inner.clone(),
            Graph { sparse_initializer: vec![sparse], ..Graph::default() },
            Graph {
                node: vec![with(Attribute { t: Some(tensor.clone()), ..Attribute::default() })],
                ..Graph::default()
            },
            Graph { node: vec![with(Attribute { g: Some(inner), ..Attribute::default() })], ..Graph::default() },
        ];
        let models = graphs.into_iter().map(|g| Model { graph: Some(g), ..Model::default() });
        let attribute = Attribute { t: Some(tensor), ..Attribute::default() };
        let functions = [
            Function { node: vec![with(attribute.clone())], ..Function::default() },
            Function { attribute_proto: vec![attribute], ..Function::default() },
        ];
        let models = models.chain(functions.map(|f| Model { functions: vec![f], ..Model::default() }));
        models.map(|m| external_data(&m, folder)).collect()
    }

    #[test]
    fn external_data_stays_in_its_folder_wherever_it_hides() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("model");
        fs::create_dir(&folder).unwrap();
        fs::write(home.path().join("secret"), [0; 64]).unwrap();
        fs::write(folder.join("good"), [0; 64]).unwrap();
        std::os::unix::fs::symlink(home.path().join("secret"), folder.join("soft")).unwrap();
        fs::hard_link(home.path().join("secret"), folder.join("hard")).unwrap();
        for result in check(&folder, external("good", "32", "32")) {
            assert_eq!(result.unwrap().len(), 1);
        }
        let secret = home.path().join("secret");
        let max = u64::MAX.to_string();
        for (location, offset, length) in [
            ("../secret", "0", "1"),
            (secret.to_str().unwrap(), "0", "1"),
            ("soft", "0", "1"),
            ("hard", "0", "1"),
            ("good/../../secret", "0", "1"),
            ("", "0", "1"),
            ("good", "33", "32"),
            ("good", max.as_str(), "1"),
            ("good", "-1", "1"),
            ("absent", "0", "1"),
        ] {
            for result in check(&folder, external(location, offset, length)) {
                assert!(result.is_err(), "{location} {offset} {length}");
            }
        }
    }
}
