//! GGUF, the container of llama.cpp, versions 2 and 3, little endian.
//!
//! ```text
//! "GGUF" | version u32 | tensors u64 | pairs u64
//! pairs x    ( key: string | type u32 | value )
//! tensors x  ( name: string | rank u32 | dims u64 x rank, innermost first | type u32 | offset u64 )
//! padding to `general.alignment` (32) | data
//! string: length u64 | bytes          array: type u32 | length u64 | values
//! ```

use crate::error::{Error, Result};
use crate::tensor::{Encoding, Tensor};
use memmap2::Mmap;
use std::collections::BTreeMap;
use std::path::Path;

/// Arrays of arrays deeper than this are refused; real files have one level.
const DEPTH: usize = 4;

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
    /// Values of one type.
    Array(Vec<Value>),
}

struct Entry {
    name: String,
    encoding: Result<Encoding, u32>,
    shape: Vec<usize>,
    range: std::ops::Range<usize>,
}

/// An open GGUF file: its metadata, and tensors borrowed from the memory map.
pub struct Gguf {
    map: Mmap,
    metadata: BTreeMap<String, Value>,
    tensors: Vec<Entry>,
}

impl Gguf {
    /// Opens and checks `path`. Errors: `Corrupt` for anything that does not add up, naming what.
    pub fn open(path: &Path) -> Result<Self> {
        Self::parse(super::map(path)?).map_err(|e| e.context(path.display()))
    }

    fn parse(map: Mmap) -> Result<Self> {
        let header = Header::read(&map)?;
        Ok(Self { metadata: header.metadata, tensors: header.tensors, map })
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
    pub fn array(&self, key: &str) -> Option<&[Value]> {
        match self.get(key)? {
            Value::Array(a) => Some(a),
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
                "tensor {name} has GGUF type {code}; known are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K, Q5_K, Q6_K"
            ))),
            Ok(encoding) => Ok(Tensor {
                name: &entry.name,
                encoding,
                shape: entry.shape.clone(),
                bytes: &self.map[entry.range.clone()],
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
        8 => Encoding::Q8_0,
        12 => Encoding::Q4_K,
        13 => Encoding::Q5_K,
        14 => Encoding::Q6_K,
        30 => Encoding::BF16,
        _ => return Err(code),
    })
}

struct Header {
    metadata: BTreeMap<String, Value>,
    tensors: Vec<Entry>,
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader { bytes, at: 0 };
        if r.take(4)? != b"GGUF" {
            return Err(Error::corrupt("not a GGUF file: it does not begin with \"GGUF\""));
        }
        let version = r.u32()?;
        if !(2..=3).contains(&version) {
            return Err(Error::unsupported(format!("GGUF version {version}; versions 2 and 3 are known")));
        }
        // A tensor takes at least 24 bytes of header, a pair at least 13.
        let tensors = r.count(24)?;
        let pairs = r.count(13)?;
        let mut metadata = BTreeMap::new();
        for _ in 0..pairs {
            let key = r.string()?;
            let kind = r.u32()?;
            let value = r.value(kind, DEPTH).map_err(|e| e.context(format_args!("key {key:?}")))?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(Error::corrupt(format!("key {key:?} appears twice")));
            }
        }
        let mut heads = Vec::new();
        for _ in 0..tensors {
            let name = r.string()?;
            let rank = r.u32()?;
            if !(1..=4).contains(&rank) {
                return Err(Error::corrupt(format!("tensor {name} has {rank} dimensions")));
            }
            let mut shape = Vec::new();
            for _ in 0..rank {
                shape.push(r.size()?);
            }
            shape.reverse();
            heads.push((name, shape, r.u32()?, r.size()?));
        }
        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(Value::Integer(a)) if (1..=1 << 20).contains(a) && (*a as u64).is_power_of_two() => *a as usize,
            Some(other) => return Err(Error::corrupt(format!("general.alignment is {other:?}"))),
        };
        let start = r.at.next_multiple_of(alignment);
        let mut tensors: Vec<Entry> = Vec::new();
        for (name, shape, code, offset) in heads {
            let encoding = encoding(code);
            let length = match encoding {
                Ok(e) => e
                    .bytes(&shape)
                    .ok_or_else(|| Error::corrupt(format!("tensor {name} has the impossible shape {shape:?}")))?,
                Err(_) => 0,
            };
            let begin = start.checked_add(offset);
            let range = begin.and_then(|b| Some(b..b.checked_add(length)?)).filter(|r| r.end <= bytes.len());
            let Some(range) = range else {
                return Err(Error::corrupt(format!(
                    "tensor {name} reaches past the end of the file; the file is truncated or damaged, fetch it again"
                )));
            };
            tensors.push(Entry { name, encoding, shape, range });
        }
        let mut names: Vec<_> = tensors.iter().map(|t| t.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::corrupt(format!("tensor {} appears twice", twice[0])));
        }
        Ok(Self { metadata, tensors })
    }
}

/// A cursor that never passes the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|&e| e <= self.bytes.len());
        let end = end.ok_or_else(|| Error::corrupt("the GGUF header ends too early; fetch the file again"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn size(&mut self) -> Result<usize> {
        let n = u64::from_le_bytes(self.array()?);
        usize::try_from(n).map_err(|_| Error::corrupt(format!("the size {n} is impossible")))
    }

    /// A number of things of at least `least` bytes each: refused when so many cannot be left.
    fn count(&mut self, least: usize) -> Result<usize> {
        let n = self.size()?;
        if n > (self.bytes.len() - self.at) / least {
            return Err(Error::corrupt(format!("a count of {n} is more than the file can hold")));
        }
        Ok(n)
    }

    fn string(&mut self) -> Result<String> {
        let length = self.count(1)?;
        let bytes = self.take(length)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Error::corrupt("a name in the header is not UTF-8"))
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value> {
        Ok(match kind {
            0 => Value::Integer(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Integer(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Integer(u32::from_le_bytes(self.array()?).into()),
            5 => Value::Integer(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Bool(self.take(1)?[0] != 0),
            8 => Value::Text(self.string()?),
            9 if depth > 0 => {
                let of = self.u32()?;
                let length = self.count(least_bytes(of))?;
                let mut values = Vec::new();
                for _ in 0..length {
                    values.push(self.value(of, depth - 1)?);
                }
                Value::Array(values)
            }
            10 => Value::Integer(u64::from_le_bytes(self.array()?).into()),
            11 => Value::Integer(i64::from_le_bytes(self.array()?).into()),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            _ => return Err(Error::corrupt(format!("value type {kind} is unknown"))),
        })
    }
}

/// The least bytes a value of a type can take.
fn least_bytes(kind: u32) -> usize {
    match kind {
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 => 12,
        _ => 1,
    }
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
