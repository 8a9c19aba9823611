//! Asking a PostgreSQL server: a read-only transaction, one statement, one parameter. Rows come as JSON, which the
//! server writes, so that every type it knows is understood.

use super::{Query, Row, Source};
use crate::error::{Error, ErrorKind, Result};
use postgres::{Config, NoTls};
use std::time::Instant;

/// The rows of a query about a person. The connection serves nobody else.
pub(super) fn rows(connection: &str, query: &Query, subject: &str, deadline: Instant) -> Result<Vec<Row>> {
    let failed = |e: postgres::Error| match e.code() {
        Some(&postgres::error::SqlState::QUERY_CANCELED) => Error::new(ErrorKind::Io, "it took too long"),
        _ => Error::new(ErrorKind::Io, "the server cannot be asked").because(e),
    };
    let left = deadline.saturating_duration_since(Instant::now());
    let mut config: Config = Source::secret(connection)?.parse().map_err(failed)?;
    config.connect_timeout(left).tcp_user_timeout(left).application_name("wayside");
    let mut client = config.connect(NoTls).map_err(failed)?;
    let left = deadline.saturating_duration_since(Instant::now()).as_millis().max(1);
    client.batch_execute(&format!("SET statement_timeout = {left}")).map_err(failed)?;
    let mut transaction = client.build_transaction().read_only(true).start().map_err(failed)?;
    let sql = query.sql.as_deref().unwrap_or_default().trim().trim_end_matches(';');
    let sql = format!("SELECT to_json(asked)::text FROM ({sql}) AS asked LIMIT {}", query.limit);
    let found = transaction.query(&sql, &[&subject]).map_err(failed)?;
    let row = |row: &postgres::Row| {
        let text: String = row.try_get(0).map_err(failed)?;
        serde_json::from_str(&text).map_err(|e| Error::invalid("its rows are no JSON").because(e))
    };
    found.iter().map(row).collect()
}
