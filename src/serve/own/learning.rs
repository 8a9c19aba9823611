//! What is learned, and what serves.

use crate::serve::house::House;
use crate::serve::problem::Problem;
use crate::serve::route::Asked;
use crate::serve::work::whole;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use wayside::learn::Side;

/// What the next cycle would learn, and what the last ones came to, for staff.
///
/// # Errors
/// Somebody else asks; the log cannot be read.
pub async fn status(house: &Arc<House>, asked: &Asked) -> Result<Value, Problem> {
    asked.staff()?;
    whole(house, &house.short, |house, _| {
        let curated = house.runtime.curated()?;
        let of = |side| curated.of(side).count();
        let mut refused: BTreeMap<String, usize> = BTreeMap::new();
        for one in &curated.refused {
            *refused.entry(one.reason.clone()).or_default() += 1;
        }
        let registry = house.runtime.log()?.registry()?;
        let judged = registry.iter().max_by_key(|adapter| adapter.time);
        Ok(json!({
            "examples": of(Side::Train), "held_out": of(Side::HeldOut), "refused": refused, "alarm": curated.alarm,
            "night": house.runtime.config().night,
            "last": judged.map(|adapter| json!({
                "adapter": adapter.id, "time": adapter.time, "state": adapter.state, "verdict": adapter.verdict,
                "reason": adapter.reason,
            })),
        }))
    })
    .await
}

/// The adapters there are, for staff.
///
/// # Errors
/// Somebody else asks; they cannot be read.
pub fn adapters(house: &House, asked: &Asked) -> Result<Value, Problem> {
    asked.staff()?;
    Ok(json!({ "adapters": house.runtime.adapters()? }))
}

/// Goes back to what served before, for staff.
///
/// # Errors
/// Somebody else asks; nothing serves that one could go back from.
pub async fn roll_back(house: &Arc<House>, asked: &Asked) -> Result<Value, Problem> {
    asked.staff()?;
    whole(house, &house.short, |house, _| Ok(json!(house.runtime.roll_back("rolled back by hand")?))).await
}
