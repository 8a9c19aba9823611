//! GGUF, the container of llama.cpp, versions 2 and 3, little endian.
//!
//! ```text
//! "GGUF" | version u32 | tensors u64 | pairs u64
//! pairs x    ( key: string | type u32 | value )
//! tensors x  ( name: string | rank u32 | dims u64 x rank, innermost first | type u32 | offset u64 )
//! padding to `general.alignment` (32) | data
//! string: length u64 | bytes          array: type u32 | length u64 | values
//! ```

mod array;
mod header;
mod split;

use crate::error::{Error, Result};
use crate::tensor::{Encoding, Tensor};
use header::Header;
use memmap2::Mmap;
use std::collections::BTreeMap;
use std::path::Path;

pub use array::{Array, Place};
pub(crate) use split::goes_on;

/// A metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any of the integer types.
    Integer(i128),
    /// float32 or float64.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// UTF-8 text.
    Text(String),
    /// Values of one type, see [`Gguf::array`].
    Array(Place),
}

struct Entry {
    name: String,
    /// The part of a split file that holds it.
    part: usize,
    encoding: Result<Encoding, u32>,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

/// An open GGUF file: its metadata, and tensors borrowed from the memory map.
pub struct Gguf {
    parts: Vec<Mmap>,
    metadata: BTreeMap<String, Value>,
    tensors: Vec<Entry>,
}

impl Gguf {
    /// Opens and checks `path`; of a split file all parts, whichever is named. Errors: `Corrupt` for anything that does
    /// not add up, naming what; `NotFound` for a part that is missing.
    pub fn open(path: &Path) -> Result<Self> {
        let mut this = Self { parts: vec![], metadata: BTreeMap::new(), tensors: vec![] };
        for part in split::parts(path)? {
            this.add(super::map(&part)?).map_err(|e| e.context(part.display()))?;
        }
        let count = this.integer::<usize>("split.count").unwrap_or(1).max(1);
        if count != this.parts.len() {
            return Err(Error::corrupt(format!(
                "{} is one of {count} parts of a split file; give all of them the names they came with, \
                 NAME-00001-of-{count:05}.gguf and so on",
                path.display()
            )));
        }
        Ok(this)
    }

    /// Adds a part. The first one says what the model is.
    fn add(&mut self, map: Mmap) -> Result<()> {
        let header = Header::read(&map)?;
        if self.parts.is_empty() {
            self.metadata = header.metadata;
        }
        let part = self.parts.len();
        self.tensors.extend(header.tensors.into_iter().map(|tensor| Entry { part, ..tensor }));
        self.parts.push(map);
        let mut names: Vec<_> = self.tensors.iter().map(|t| t.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::corrupt(format!("tensor {} appears twice", twice[0])));
        }
        Ok(())
    }

    /// A metadata value.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.metadata.get(key)
    }

    /// An integer that fits the caller's type.
    pub fn integer<T: TryFrom<i128>>(&self, key: &str) -> Option<T> {
        match self.get(key)? {
            Value::Integer(i) => T::try_from(*i).ok(),
            _ => None,
        }
    }

    /// A float, or an integer as one.
    pub fn float(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Float(f) => Some(*f),
            Value::Integer(i) => Some(*i as f64),
            _ => None,
        }
    }

    /// Text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(t) => Some(t),
            _ => None,
        }
    }

    /// A boolean.
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// An array.
    pub fn array(&self, key: &str) -> Option<Array<'_>> {
        match self.get(key)? {
            Value::Array(place) => Array::new(place, self.parts.first()?).ok(),
            _ => None,
        }
    }

    /// The tensors' names, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|t| t.name.as_str())
    }

    /// A tensor by name: `None` when the file has none; `Unsupported` when its encoding is none of ours.
    pub fn tensor(&self, name: &str) -> Option<Result<Tensor<'_>>> {
        let entry = self.tensors.iter().find(|t| t.name == name)?;
        Some(match entry.encoding {
            Err(code) => Err(Error::unsupported(format!(
                "tensor {name} is in {}, which cannot be read here; take a file of the same model in Q4_K_M, IQ4_XS, \
                 Q3_K_M or Q8_0",
                refused(code)
            ))),
            Ok(encoding) => Ok(Tensor {
                name: &entry.name,
                encoding,
                shape: entry.shape.clone(),
                bytes: &self.parts[entry.part][entry.range.clone()],
            }),
        })
    }
}

fn encoding(code: u32) -> Result<Encoding, u32> {
    Ok(match code {
        0 => Encoding::F32,
        1 => Encoding::F16,
        2 => Encoding::Q4_0,
        3 => Encoding::Q4_1,
        6 => Encoding::Q5_0,
        7 => Encoding::Q5_1,
        8 => Encoding::Q8_0,
        10 => Encoding::Q2_K,
        11 => Encoding::Q3_K,
        12 => Encoding::Q4_K,
        13 => Encoding::Q5_K,
        14 => Encoding::Q6_K,
        20 => Encoding::IQ4_NL,
        23 => Encoding::IQ4_XS,
        30 => Encoding::BF16,
        39 => Encoding::MXFP4,
        _ => return Err(code),
    })
}

/// What people call a type that is not read here.
fn refused(code: u32) -> String {
    let name = match code {
        9 => "Q8_1",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        21 => "IQ3_S",
        22 => "IQ2_S",
        24..=27 => "whole numbers",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        _ => return format!("GGUF type {code}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn string(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    /// A file with one pair and one F32 tensor of two numbers.
    fn small() -> Vec<u8> {
        let mut f = b"GGUF".to_vec();
        f.extend(3u32.to_le_bytes());
        f.extend(1u64.to_le_bytes());
        f.extend(1u64.to_le_bytes());
        f.extend(string("a.key"));
        f.extend(8u32.to_le_bytes());
        f.extend(string("text"));
        f.extend(string("t"));
        f.extend(1u32.to_le_bytes());
        f.extend(2u64.to_le_bytes());
        f.extend(0u32.to_le_bytes());
        f.extend(0u64.to_le_bytes());
        f.resize(f.len().next_multiple_of(32), 0);
        f.extend(1.5f32.to_le_bytes());
        f.extend(2.5f32.to_le_bytes());
        f
    }

    #[test]
    fn a_small_file_reads_and_every_truncation_of_it_is_refused() {
        let file = small();
        let header = Header::read(&file).unwrap();
        assert_eq!(header.metadata["a.key"], Value::Text("text".into()));
        assert_eq!(header.tensors[0].shape, [2]);
        for end in 0..file.len() {
            assert!(Header::read(&file[..end]).is_err(), "{end} bytes of {}", file.len());
        }
    }

    #[test]
    fn lying_sizes_are_refused_before_anything_is_allocated() {
        for at in [8, 16, 24] {
            let mut file = small();
            file[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            assert_eq!(Header::read(&file).err().unwrap().kind(), crate::ErrorKind::Corrupt, "size at {at}");
        }
    }

    proptest! {
        #[test]
        fn altered_bytes_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        ) {
            let mut file = small();
            for (at, byte) in changes {
                let at = at.index(file.len());
                file[at] = byte;
            }
            let _ = Header::read(&file);
        }

        #[test]
        fn random_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = Header::read(&[b"GGUF\x03\0\0\0".to_vec(), tail].concat());
        }
    }
}
