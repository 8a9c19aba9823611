//! Matrices one below the other, each in the encoding of its file.

use super::Encoding;
use serde::{Deserialize, Serialize};

/// The parts of a matrix whose rows lie one after the other, in their order: encoding and rows.
///
/// Parts of one encoding are one part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Packed {
    /// Columns of all: a whole number of every part's blocks.
    pub columns: usize,
    /// Encoding and rows.
    pub parts: Vec<(Encoding, usize)>,
}

impl Packed {
    /// A matrix without rows yet.
    pub fn new(columns: usize) -> Self {
        Self { columns, parts: vec![] }
    }

    /// Adds rows.
    pub fn push(&mut self, encoding: Encoding, rows: usize) {
        match self.parts.last_mut() {
            Some((last, count)) if *last == encoding => *count += rows,
            _ => self.parts.push((encoding, rows)),
        }
    }

    /// All rows.
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|(_, rows)| rows).sum()
    }

    /// Bytes of a row in an encoding.
    pub fn width(&self, encoding: Encoding) -> usize {
        let (numbers, bytes) = encoding.block();
        self.columns / numbers * bytes
    }

    /// Bytes of all rows.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|(encoding, rows)| rows * self.width(*encoding)).sum()
    }

    /// The part that has all rows from `begin` on, `count` of them, and the byte at which they begin.
    pub fn part(&self, begin: usize, count: usize) -> Option<(Encoding, usize)> {
        let (mut row, mut byte) = (0, 0);
        for (encoding, rows) in &self.parts {
            let width = self.width(*encoding);
            if begin >= row && begin + count <= row + rows {
                return Some((*encoding, byte + (begin - row) * width));
            }
            (row, byte) = (row + rows, byte + rows * width);
        }
        None
    }

    /// As text, for an attribute: `2048 Q4_K:2304 Q6_K:256`.
    pub fn encode(&self) -> String {
        let parts = self.parts.iter().map(|(encoding, rows)| format!(" {encoding:?}:{rows}"));
        format!("{}{}", self.columns, parts.collect::<String>())
    }

    /// From text; none where it says nothing that can be.
    pub fn decode(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut packed = Self::new(words.next()?.parse().ok().filter(|columns| *columns > 0)?);
        for word in words {
            let (name, rows) = word.split_once(':')?;
            let encoding = Encoding::ALL.into_iter().find(|encoding| format!("{encoding:?}") == name)?;
            let fits = packed.columns.is_multiple_of(encoding.block().0) && encoding.is_packed();
            packed.push(encoding, rows.parse().ok().filter(|rows| *rows > 0 && fits)?);
        }
        Some(packed).filter(|packed| !packed.parts.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_and_come_back_from_text() {
        let mut packed = Packed::new(512);
        packed.push(Encoding::Q4_K, 10);
        packed.push(Encoding::Q4_K, 6);
        packed.push(Encoding::Q6_K, 4);
        assert_eq!(packed.encode(), "512 Q4_K:16 Q6_K:4");
        assert_eq!(Packed::decode(&packed.encode()), Some(packed.clone()));
        assert_eq!((packed.rows(), packed.bytes()), (20, 16 * 288 + 4 * 420));
        assert_eq!(packed.part(10, 6), Some((Encoding::Q4_K, 2880)));
        assert_eq!(packed.part(17, 3), Some((Encoding::Q6_K, 16 * 288 + 420)));
        assert_eq!(packed.part(15, 2), None, "of two parts");
        for wrong in ["", "512", "0 Q4_K:1", "512 Q4_K:0", "512 Q4_K", "100 Q4_0:3", "512 F32:3", "512 Q9_K:3"] {
            assert_eq!(Packed::decode(wrong), None, "{wrong}");
        }
    }
}
