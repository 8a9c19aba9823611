//! A record on disk: bytes that can tell whether they are still themselves.
//!
//! ```text
//! 0        1              5
//! | layout | crc32, little-endian | payload ...
//! ```
//!
//! The checksum covers the layout byte, the key and the payload: LMDB has no page checksums, and a record that
//! turns up under another key is as wrong as one with a flipped bit.

/// The layout drawn above. Another layout takes another number; none is ever given twice.
const LAYOUT: u8 = 1;
const HEADER: usize = 5;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// Fewer bytes than a header.
    Short,
    /// A layout that this version does not know.
    Layout(u8),
    /// The checksum belongs to other bytes.
    Checksum,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Damage::Short => f.write_str("it is cut short"),
            Damage::Layout(n) => write!(f, "its layout {n} is unknown"),
            Damage::Checksum => f.write_str("its checksum does not match"),
        }
    }
}

/// The record that keeps `payload` under `key`.
pub(super) fn seal(key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut record = Vec::with_capacity(HEADER + payload.len());
    record.push(LAYOUT);
    record.extend_from_slice(&checksum(LAYOUT, key, payload).to_le_bytes());
    record.extend_from_slice(payload);
    record
}

/// The payload of a record found under `key`.
pub(super) fn unseal<'a>(key: &[u8], record: &'a [u8]) -> Result<&'a [u8], Damage> {
    let (&layout, rest) = record.split_first().ok_or(Damage::Short)?;
    if layout != LAYOUT {
        return Err(Damage::Layout(layout));
    }
    let (crc, payload) = rest.split_first_chunk::<4>().ok_or(Damage::Short)?;
    if checksum(layout, key, payload) == u32::from_le_bytes(*crc) { Ok(payload) } else { Err(Damage::Checksum) }
}

/// The checksum of a payload with the layout and the key it is stored under.
pub(super) fn checksum(layout: u8, key: &[u8], payload: &[u8]) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(&[layout]);
    hash.update(key);
    hash.update(payload);
    hash.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_record_comes_back(key: Vec<u8>, payload: Vec<u8>) {
            let record = seal(&key, &payload);
            prop_assert_eq!(unseal(&key, &record), Ok(&payload[..]));
        }

        #[test]
        fn any_flipped_bit_is_noticed(key: Vec<u8>, payload: Vec<u8>, at: prop::sample::Index, bit in 0..8u32) {
            let mut record = seal(&key, &payload);
            let at = at.index(record.len());
            record[at] ^= 1 << bit;
            prop_assert!(unseal(&key, &record).is_err());
        }

        #[test]
        fn another_key_is_noticed(payload: Vec<u8>) {
            let record = seal(b"a", &payload);
            prop_assert_eq!(unseal(b"b", &record), Err(Damage::Checksum));
        }

        #[test]
        fn random_bytes_never_panic(key: Vec<u8>, record: Vec<u8>) {
            let _ = unseal(&key, &record);
        }
    }
}
