//! Keys: byte strings whose order is the order that is wanted, because LMDB compares bytes.
//!
//! ```text
//! time        | nanoseconds since 1970, 16 bytes, big-endian, sign bit flipped | id ...
//! chunk       | chunk, u32 big-endian
//! document    | collection, u16 big-endian | name ...
//! vectors     | collection, u16 big-endian | block, u32 big-endian
//! words       | collection, u16 big-endian | term ... | 0 | block, u32 big-endian
//! record      | number, u32 big-endian | source ... | 0 | key ...
//! said        | number, u32 big-endian | query ...
//! ```
//!
//! A term and a source hold no zero byte, so that no term's keys lie among another's.

use jiff::Timestamp;

const SIGN: u128 = 1 << 127;

/// Interactions in the order of their time, then of their id.
pub(super) fn time(time: Timestamp, id: &str) -> Vec<u8> {
    let nanoseconds = (time.as_nanosecond() as u128) ^ SIGN;
    [&nanoseconds.to_be_bytes(), id.as_bytes()].concat()
}

/// The id in a key made by [`time`].
pub(super) fn time_id(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.get(16..)?).ok()
}

/// A chunk.
pub(super) fn chunk(id: u32) -> [u8; 4] {
    id.to_be_bytes()
}

/// A document of a collection.
pub(super) fn document(collection: u16, name: &str) -> Vec<u8> {
    [&collection.to_be_bytes(), name.as_bytes()].concat()
}

/// A block of a collection's vectors.
pub(super) fn vectors(collection: u16, block: u32) -> [u8; 6] {
    let ([a, b], [c, d, e, f]) = (collection.to_be_bytes(), block.to_be_bytes());
    [a, b, c, d, e, f]
}

/// What all postings of a term in a collection begin with.
pub(super) fn term(collection: u16, term: &str) -> Vec<u8> {
    [&collection.to_be_bytes(), term.as_bytes(), &[0]].concat()
}

/// A block of a term's postings.
pub(super) fn words(collection: u16, word: &str, block: u32) -> Vec<u8> {
    let mut key = term(collection, word);
    key.extend_from_slice(&block.to_be_bytes());
    key
}

/// What all records of a source begin with, of the person with this number.
pub(super) fn source(number: u32, source: &str) -> Vec<u8> {
    [&number.to_be_bytes(), source.as_bytes(), &[0]].concat()
}

/// A record of a person.
pub(super) fn record(number: u32, from: &str, key: &str) -> Vec<u8> {
    [&source(number, from), key.as_bytes()].concat()
}

/// Number, source and key out of a key made by [`record`].
pub(super) fn record_parts(key: &[u8]) -> Option<(u32, &str, &str)> {
    let (number, rest) = key.split_first_chunk::<4>()?;
    let (source, key) = std::str::from_utf8(rest).ok()?.split_once('\0')?;
    Some((u32::from_be_bytes(*number), source, key))
}

/// What a query said of the person with this number.
pub(super) fn said(number: u32, query: &str) -> Vec<u8> {
    [&number.to_be_bytes(), query.as_bytes()].concat()
}

/// The block number that ends a key of `vectors` or `words`.
pub(super) fn block(key: &[u8]) -> Option<u32> {
    key.last_chunk().map(|b| u32::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn moment() -> impl Strategy<Value = Timestamp> {
        let (from, to) = (Timestamp::MIN.as_nanosecond(), Timestamp::MAX.as_nanosecond());
        (from..to).prop_map(|n| Timestamp::from_nanosecond(n).unwrap())
    }

    proptest! {
        #[test]
        fn times_sort_as_time_then_id(a in moment(), b in moment(), x in "[a-z]{1,4}", y in "[a-z]{1,4}") {
            prop_assert_eq!((a, &x).cmp(&(b, &y)), time(a, &x).cmp(&time(b, &y)));
            prop_assert_eq!((a, &x).cmp(&(a, &y)), time(a, &x).cmp(&time(a, &y)));
            let key = time(a, &x);
            prop_assert_eq!(time_id(&key), Some(&x[..]));
        }

        #[test]
        fn blocks_sort_as_numbers(c: u16, d: u16, a: u32, b: u32) {
            prop_assert_eq!((c, a).cmp(&(d, b)), vectors(c, a).cmp(&vectors(d, b)));
            prop_assert_eq!(block(&vectors(c, a)), Some(a));
            prop_assert_eq!(chunk(a).cmp(&chunk(b)), a.cmp(&b));
        }

        #[test]
        fn one_term_never_lies_within_another(c: u16, x in "[^\0]{1,6}", y in "[^\0]{1,6}", a: u32, b: u32) {
            prop_assert_eq!((&x, a).cmp(&(&y, b)), words(c, &x, a).cmp(&words(c, &y, b)));
            prop_assert_eq!(words(c, &y, b).starts_with(&term(c, &x)), x == y);
        }

        #[test]
        fn records_of_one_person_and_source_lie_together(n: u32, m: u32, x in "[a-z]{1,4}", y in "[a-z]{1,4}", k: String) {
            let key = record(m, &y, &k);
            prop_assert_eq!(key.starts_with(&source(n, &x)), n == m && x == y);
            prop_assert_eq!(record_parts(&key), Some((m, &y[..], &k[..])));
        }

        #[test]
        fn random_bytes_never_panic(key: Vec<u8>) {
            let _ = (time_id(&key), block(&key), record_parts(&key));
        }
    }
}
