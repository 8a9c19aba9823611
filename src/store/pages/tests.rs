//! Pages as LMDB leaves them, and as damage does.

use super::*;
use crate::store::env::{Env, LOG};
use crate::store::table::Table;
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::io::{Seek, SeekFrom, Write};
use std::ops::Bound;

fn check(bytes: &[u8]) -> Result<(), Broken> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let [newest, _] = metas(&mut file)?;
    whole(&mut file, &newest, &mut |_, _, _| Ok(()))
}

fn opened(dir: &std::path::Path) -> (Env, [Table; 2]) {
    Env::open(dir, &LOG, ["meta", "b"]).unwrap()
}

/// A real environment with a tree of several levels, large values and a second table.
fn environment() -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let (env, [a, b]) = opened(home.path());
    env.write(|txn| {
        for i in 0..2_000u32 {
            a.put(txn, &i.to_be_bytes(), &format!("value {i}"))?;
        }
        b.put(txn, b"large", &"x".repeat(100_000))
    })
    .unwrap();
    env.write(|txn| a.delete(txn, &7u32.to_be_bytes())).unwrap();
    drop(env);
    std::fs::read(home.path().join("data.mdb")).unwrap()
}

/// What LMDB makes is whole, whatever was put into it and taken out: else good stores would be refused.
#[test]
fn whatever_lmdb_leaves_is_whole() {
    let home = tempfile::tempdir().unwrap();
    let mut random = SmallRng::seed_from_u64(26);
    let (env, tables) = opened(home.path());
    for round in 0..300 {
        let many = [1, 3, 40, 400][random.random_range(0..4)];
        let removes = random.random_range(0..100);
        env.write(|txn| {
            for _ in 0..many {
                let table = tables[random.random_range(0..2)];
                let key = vec![b'k'; random.random_range(1..60)];
                let key = [&random.random_range(0..3_000u32).to_be_bytes()[..], &key[..]].concat();
                if random.random_range(0..100) < removes {
                    table.delete(txn, &key)?;
                } else {
                    let size = [1, 20, 300, 1_900, 2_100, 9_000][random.random_range(0..6)];
                    table.put(txn, &key, &"v".repeat(random.random_range(0..=size)))?;
                }
            }
            if round % 50 == 49 {
                tables[1].raw().clear(txn)?;
            }
            if round % 30 == 29 {
                let (from, to) = (&[0u8, 0][..], &[0u8, 6][..]);
                tables[0].raw().delete_range(txn, &(Bound::Included(from), Bound::Excluded(to)))?;
            }
            Ok(())
        })
        .unwrap();
        let bytes = std::fs::read(home.path().join("data.mdb")).unwrap();
        check(&bytes).unwrap_or_else(|b| panic!("round {round}: {b:?}"));
    }
}

#[test]
fn a_whole_file_passes_and_every_truncation_is_noticed() {
    let bytes = environment();
    check(&bytes).unwrap();
    for share in [0, 1, 3, 10, 30, 60, 90] {
        assert!(check(&bytes[..bytes.len() * share / 100]).is_err(), "{share} %");
    }
}

/// What LMDB leaves when the write of a header fails: the older one has new roots, and its old number and last page.
#[test]
fn a_header_whose_write_failed_is_not_looked_at() {
    let bytes = environment();
    let page = 4096;
    let newest = usize::from(bytes[page + 16 + 128] > bytes[16 + 128]) * page;
    let mut failed = bytes.clone();
    for root in [24 + 40, 72 + 40] {
        let at = page - newest + HEADER + root;
        failed[at..at + 8].copy_from_slice(&1_000_000u64.to_ne_bytes());
    }
    check(&failed).unwrap();
    // In the one that decides it is damage.
    let mut lying = bytes.clone();
    lying[newest + HEADER + 72 + 40..][..8].copy_from_slice(&1_000_000u64.to_ne_bytes());
    assert!(check(&lying).is_err());
}

/// A number that no transaction can have given would let LMDB serve what was before the last one.
#[test]
fn a_header_with_another_s_number_is_noticed() {
    let bytes = environment();
    for (at, bit) in [0, 4096].into_iter().flat_map(|page| (0..64).map(move |bit| (page + HEADER + 128, bit))) {
        let mut lying = bytes.clone();
        lying[at + bit / 8] ^= 1 << (bit % 8);
        assert!(check(&lying).is_err(), "bit {bit} at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..20_000)) {
        prop_assert!(check(&bytes).is_err());
    }
}

#[test]
fn altered_bytes_never_panic() {
    let mut altered = environment();
    for at in (0..altered.len()).step_by(97) {
        let before = std::mem::replace(&mut altered[at], 0xFF);
        let _ = check(&altered);
        altered[at] = before;
    }
}
