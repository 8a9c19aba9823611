//! Where a person's own facts come from: databases, services and files, declared in `sources.toml`.
//!
//! The house writes every query; a model writes none. A query has one parameter, the person, and says in words what it
//! answers, so that a question can be matched with it. Whatever a source does (nothing, too late, too much, something
//! else than was declared), it costs its own rows and one sentence that says so.
//!
//! | file | what it knows |
//! |---|---|
//! | `declared` | the file, its defaults and its checks |
//! | `ask` | several queries at once, each within its deadline |
//! | `sqlite`, `http`, `postgres` | asking one kind of source |
//! | `file` | rows of CSV and JSON lines |
//! | `render` | rows to records |
//! | `secret` | words of access, and who hears them |

mod ask;
mod declared;
mod file;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "postgres")]
mod postgres;
mod render;
mod secret;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use ask::{Answered, ask};
pub use declared::{Counts, EXAMPLE, FILE, Kind, Offline, Pages, Pick, Query, Source, Sources};
pub use file::rows;
pub use render::plain;
pub use secret::Environment;

use serde_json::{Map, Value};

/// What a source says of one thing: its columns.
pub type Row = Map<String, Value>;
