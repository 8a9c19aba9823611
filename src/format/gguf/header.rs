//! What stands before the tensors' bytes, checked against what is left of the file.

use super::array::Place;
use super::{Entry, Value, encoding};
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// Arrays of arrays deeper than this are refused; real files have one level.
const DEPTH: usize = 4;

/// Keys and tensors of one file.
pub(super) struct Header {
    pub metadata: BTreeMap<String, Value>,
    pub tensors: Vec<Entry>,
}

impl Header {
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes);
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
            let value = r.value(kind).map_err(|e| e.context(format_args!("key {key:?}")))?;
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
            tensors.push(Entry { name, part: 0, encoding, shape, range });
        }
        Ok(Self { metadata, tensors })
    }
}

/// A cursor that never passes the end.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// The type of texts.
    pub const TEXT: u32 = 8;

    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

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
        self.text().map(str::to_owned)
    }

    /// The text here.
    pub fn text(&mut self) -> Result<&'a str> {
        let length = self.count(1)?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| Error::corrupt("a name in the header is not UTF-8"))
    }

    /// The value here, which has this type. An array is looked through.
    pub fn value(&mut self, kind: u32) -> Result<Value> {
        Ok(match kind {
            0 => Value::Integer(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Integer(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Integer(u32::from_le_bytes(self.array()?).into()),
            5 => Value::Integer(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => Value::Bool(self.take(1)?[0] != 0),
            Self::TEXT => Value::Text(self.string()?),
            9 => Value::Array(self.look_through(DEPTH)?),
            10 => Value::Integer(u64::from_le_bytes(self.array()?).into()),
            11 => Value::Integer(i64::from_le_bytes(self.array()?).into()),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            _ => return Err(Error::corrupt(format!("value type {kind} is unknown"))),
        })
    }

    /// Passes over an array, and says where it was.
    fn look_through(&mut self, depth: usize) -> Result<Place> {
        let of = self.u32()?;
        let least = least_bytes(of).ok_or_else(|| Error::corrupt(format!("value type {of} is unknown")))?;
        let length = self.count(least)?;
        let start = self.at;
        match of {
            Self::TEXT => (0..length).try_for_each(|_| self.text().map(drop))?,
            9 if depth > 1 => (0..length).try_for_each(|_| self.look_through(depth - 1).map(drop))?,
            9 => return Err(Error::corrupt("its arrays are nested too deep")),
            _ => self.take(length * least).map(drop)?,
        }
        Ok(Place { of, length, range: start..self.at })
    }
}

/// The bytes of a value of a type, or the least that it can take. None for what is no type.
fn least_bytes(kind: u32) -> Option<usize> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        8 | 10..=12 => Some(8),
        9 => Some(12),
        _ => None,
    }
}
