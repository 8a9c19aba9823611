//! What a log of an older layout needs to become one of today's.

use super::interaction::Interaction;
use crate::store::fault::Attempt;
use crate::store::format::Upgrade;
use crate::store::table::Table;
use heed::RwTxn;

/// To version 2, the registry of adapters; to version 3, erasures: tables that the opening makes, and that begin empty.
/// To version 4, answers without marks.
pub(in crate::store) static UPGRADES: [Upgrade; 3] = [|_, _| Ok(()), |_, _| Ok(()), unmark];

/// The answers without the marks that stood in them. What cannot be read is left as it is: it is damaged, and costs no
/// more than itself.
fn unmark(txn: &mut RwTxn, tables: &[Table]) -> Attempt<()> {
    // meta, interactions, ...: the order in which the log is opened.
    let Some(interactions) = tables.get(1) else { return Ok(()) };
    let mut from: Option<Vec<u8>> = None;
    loop {
        let next = match &from {
            None => interactions.raw().first(txn)?,
            Some(key) => interactions.raw().get_greater_than(txn, key)?,
        };
        let Some((key, record)) = next else { return Ok(()) };
        let key = key.to_vec();
        if let Ok(mut interaction) = interactions.decode::<Interaction>(&key, record) {
            interaction.unmark();
            interactions.put(txn, &key, &interaction)?;
        }
        from = Some(key);
    }
}
