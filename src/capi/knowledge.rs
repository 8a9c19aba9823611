//! Documents: taking them in, finding passages.

use super::border::{Json, Text, Texts, call, handle};
use super::handle::Handle;
use super::lone;
use super::status::Status;
use super::watch::{ProgressFn, Wish, watched};
use std::ffi::c_void;
use std::path::PathBuf;

/// Brings a collection (null: the configured one) up to date with `count` files and folders. Only what changed is
/// read closely; documents whose file is gone are removed. `progress` and `cancel` may be null.
///
/// JSON: {"documents": new or changed, "chunks": of those, "unchanged", "removed", "skipped": [{"document", "kind",
/// "reason"}], "skipped_kinds": {kind: how many}, "stale": what is kept as it was, like "skipped"}
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_ingest(
    runtime: Option<&Handle>,
    paths: Texts,
    count: usize,
    collection: Text,
    progress: ProgressFn,
    user: *mut c_void,
    cancel: Option<&Wish>,
    json: Json,
) -> Status {
    call(|| {
        json.put(|| {
            let handle = handle(runtime, "the runtime")?;
            let paths: Vec<PathBuf> = paths.read(count, "a path")?.into_iter().map(PathBuf::from).collect();
            lone::stay(handle);
            watched(handle, progress, user, cancel).ingest(&paths, collection.read("the collection")?)
        })
    })
}

/// The best `k` passages for `query`, of one collection or, if that is null, of all.
///
/// JSON: [{"document", "section", "text", "score", ...}], the best first
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn wayside_search(
    runtime: Option<&Handle>,
    query: Text,
    k: u32,
    collection: Text,
    json: Json,
) -> Status {
    call(|| {
        json.put(|| {
            let (query, collection) = (query.required("the query")?, collection.read("the collection")?);
            handle(runtime, "the runtime")?.runtime.search(query, k as usize, collection)
        })
    })
}
