//! An array of the header, read where it lies in the file.
//!
//! A value takes 32 bytes in memory and may take one in the file, so arrays are looked through and not kept.

use super::Value;
use super::header::Reader;
use crate::error::{Error, Result};

/// Where an array lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The type of its values.
    pub(super) of: u32,
    pub(super) length: usize,
    /// The bytes of its values.
    pub(super) range: std::ops::Range<usize>,
}

/// An array, borrowed from the file.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a> {
    of: u32,
    length: usize,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// The array at a place of a file. Errors: `Corrupt` where the file does not reach so far.
    pub(super) fn new(place: &Place, file: &'a [u8]) -> Result<Self> {
        let bytes = file.get(place.range.clone()).ok_or_else(|| Error::corrupt("an array is cut off"))?;
        Ok(Self { of: place.of, length: place.length, bytes })
    }

    /// Its values, one after another.
    pub fn values(self) -> impl Iterator<Item = Value> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        (0..self.length).map_while(move |_| reader.value(self.of).ok())
    }

    /// Its values where all are texts.
    pub fn texts(self) -> Option<Vec<&'a str>> {
        let mut reader = Reader::new(self.bytes);
        if self.of != Reader::TEXT && self.length > 0 {
            return None;
        }
        (0..self.length).map(|_| reader.text().ok()).collect()
    }
}
