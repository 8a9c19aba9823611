//! The kinds of stores, and what each wants of its records before it is opened.
//!
//! A record that turned up under another key is found nowhere, and what is not found is not missed. So all records are
//! held against their checksums, which cover the key, when a file is walked over. Interactions are the exception: one
//! that is damaged costs no more than itself, and is told of by whoever lists them.

use crate::store::codec;
use crate::store::format::Upgrade;
use crate::store::index::{UPGRADES as INDEX_UPGRADES, check_block};
use crate::store::log::UPGRADES as LOG_UPGRADES;

/// What a record must be: of the table, with this key, these bytes; or what is wrong with it.
pub(in crate::store) type Check = fn(&str, &[u8], &[u8]) -> Result<(), String>;

/// What one kind of store is called, and how it is treated.
#[derive(Debug)]
pub(in crate::store) struct Kind {
    /// The name in errors and in the format record.
    pub name: &'static str,
    /// What to do when it is damaged: the end of a sentence.
    pub remedy: &'static str,
    /// Bytes of address space to reserve at first. Only what is used takes space on the disk.
    pub map_size: usize,
    /// The steps from version 1 to the current one.
    pub upgrades: &'static [Upgrade],
    /// What a record of a table must be for the store to be opened.
    pub check: Check,
}

/// The truth: interactions.
pub(in crate::store) static LOG: Kind = Kind {
    name: "log",
    remedy: "save what is readable into a new file with `wayside log export`, move the folder away, and import that, or \
             the newest export there is",
    map_size: 4 << 30,
    upgrades: &LOG_UPGRADES,
    check: check_log,
};

/// Derived from the documents.
pub(in crate::store) static INDEX: Kind = Kind {
    name: "index",
    remedy: "remove the folder and ingest the documents again",
    map_size: 16 << 30,
    // 2: codes.
    upgrades: &INDEX_UPGRADES,
    check: check_index,
};

/// Copies of what belongs to one person each.
pub(in crate::store) static RECORDS: Kind = Kind {
    name: "records",
    remedy: "remove the folder and run `wayside records import` again",
    map_size: 16 << 30,
    upgrades: &[],
    check: check_record,
};

/// A record as `codec` seals them.
pub(super) fn check_record(table: &str, key: &[u8], value: &[u8]) -> Result<(), String> {
    match codec::unseal(key, value) {
        Ok(_) => Ok(()),
        Err(damage) => Err(format!("a record of '{table}' is damaged: {damage}")),
    }
}

fn check_log(table: &str, key: &[u8], value: &[u8]) -> Result<(), String> {
    match table {
        "interactions" => Ok(()),
        "times" if value.is_empty() => Ok(()),
        _ => check_record(table, key, value),
    }
}

fn check_index(table: &str, key: &[u8], value: &[u8]) -> Result<(), String> {
    match table {
        "vectors" | "codes" => check_block(key, value).map_err(|why| format!("a block of '{table}' is damaged: {why}")),
        // arroy's, without checksums.
        "trees" => Ok(()),
        _ => check_record(table, key, value),
    }
}
