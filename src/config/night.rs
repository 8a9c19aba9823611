//! When learning runs by itself.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

/// The hours and limits of `wayside learn --watch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Night {
    /// The quiet hours in local time, as `22:00-06:00`; empty means any time.
    pub hours: String,
    /// How long to wait after a cycle, in minutes.
    pub every_minutes: u64,
    /// The longest a cycle may take, in minutes; 0 means as long as the hours last. The next goes on with the
    /// training, but judges from the beginning: leave the gate its minutes.
    pub max_minutes: u64,
    /// The least charge on battery, in percent.
    pub min_battery: u8,
    /// The highest temperature of any sensor, in degrees Celsius.
    pub max_celsius: f32,
}

impl Default for Night {
    fn default() -> Self {
        Self { hours: "22:00-06:00".into(), every_minutes: 360, max_minutes: 0, min_battery: 50, max_celsius: 80.0 }
    }
}

impl Night {
    /// When the quiet hours begin and end; none for any time.
    pub fn hours(&self) -> Option<(Time, Time)> {
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
        let (from, to) = self.hours.split_once('-')?;
        Some((time(from)?, time(to)?))
    }

    /// What must hold, each with how to say that it does not.
    pub(super) fn rules(&self) -> [(&'static str, bool); 3] {
        [
            ("`night.hours` must be like \"22:00-06:00\", or empty", self.hours.is_empty() || self.hours().is_some()),
            ("`night.min_battery` must be between 0 and 100", self.min_battery <= 100),
            ("`night.max_celsius` must be between 20 and 120", (20.0..=120.0).contains(&self.max_celsius)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_two_times() {
        let hours = |hours: &str| Night { hours: hours.into(), ..Night::default() }.hours();
        assert_eq!(hours("22:00-06:30"), Some((Time::constant(22, 0, 0, 0), Time::constant(6, 30, 0, 0))));
        assert_eq!(hours(" 1:05 - 2:00"), Some((Time::constant(1, 5, 0, 0), Time::constant(2, 0, 0, 0))));
        for wrong in ["", "22-6", "22:00", "25:00-06:00", "late-early"] {
            assert_eq!(hours(wrong), None, "{wrong}");
        }
    }
}
