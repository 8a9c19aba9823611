//! Learning by itself: cycle after cycle, in quiet hours, while the machine can spare it.

use super::super::Runtime;
use super::{Learned, Learning, Outcome, Over};
use crate::config;
use crate::error::{ErrorKind, Result};
use crate::machine::Machine;
use crate::train::Progressed;
use jiff::Zoned;
use jiff::civil::Time;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often the hour and the machine are looked at.
const LOOK: Duration = Duration::from_secs(20);

/// When a machine may learn.
#[derive(Clone, Debug)]
pub struct Night {
    settings: config::Night,
    machine: Machine,
}

impl Night {
    /// By these settings, on this machine.
    pub fn new(settings: config::Night, machine: Machine) -> Self {
        Self { settings, machine }
    }

    /// Why it may not learn at `now`, if so.
    pub fn objection(&self, now: &Zoned) -> Option<String> {
        let Self { settings, machine } = self;
        if let Some((from, to)) = settings.hours() {
            let time = now.time();
            if !within(time, from, to) {
                return Some(format!("it is {}, not between {} and {}", hour(time), hour(from), hour(to)));
            }
        }
        if let Some(charge) = machine.battery().filter(|charge| *charge < settings.min_battery) {
            return Some(format!("the battery is at {charge} %, {} % is needed", settings.min_battery));
        }
        if let Some(celsius) = machine.celsius().filter(|celsius| *celsius > settings.max_celsius) {
            return Some(format!("it is {celsius:.0} °C hot, at most {:.0} is allowed", settings.max_celsius));
        }
        None
    }

    /// Why a cycle that takes so many MB may not begin, if so.
    fn short_of_memory(&self, mb: u64) -> Option<String> {
        let free = self.machine.free_memory()? >> 20;
        (free < mb).then(|| format!("{free} MB of memory are free, {mb} are needed"))
    }
}

/// Whether a time lies between two, over midnight where the second is earlier.
fn within(time: Time, from: Time, to: Time) -> bool {
    if from <= to { from <= time && time < to } else { time >= from || time < to }
}

fn hour(time: Time) -> String {
    time.strftime("%H:%M").to_string()
}

impl Runtime {
    /// Learns for as long as it is not stopped: a cycle whenever the night allows it, `night.every_minutes` apart,
    /// telling `each` every step and `ended` what a cycle came to. A cycle that the night ends is gone on with in the
    /// next.
    ///
    /// Errors: `Cancelled` when it is asked to stop; a cycle that fails is told in a note, and tried again later.
    pub fn learn_by_night(&self, each: &mut dyn FnMut(&Progressed), ended: &mut dyn FnMut(&Learned)) -> Result<()> {
        let settings = self.config.night.clone();
        let every = Duration::from_secs(60 * settings.every_minutes);
        let limit = Some(Duration::from_secs(60 * settings.max_minutes)).filter(|limit| !limit.is_zero());
        let night = Night::new(settings, Machine::this());
        let over: Over = Arc::new({
            let night = night.clone();
            move || night.objection(&Zoned::now())
        });
        let mut told = String::new();
        loop {
            let objection = over().or_else(|| night.short_of_memory(self.config.learn.max_memory_mb));
            if let Some(objection) = objection {
                if told != objection {
                    self.progress.note(&format!("waiting: {objection}"));
                    told = objection;
                }
                self.pause(LOOK)?;
                continue;
            }
            told.clear();
            match self.cycle(&Learning { limit, again: false }, over.clone(), each) {
                Ok(learned) => {
                    ended(&learned);
                    // What time cut short goes on with the next night; the rest waits for news.
                    self.pause(if learned.verdict == Outcome::Unfinished { LOOK } else { every })?;
                }
                Err(e) if e.kind() == ErrorKind::Cancelled => return Err(e),
                Err(e) => {
                    self.progress.note(&format!("the cycle failed: {e}; it is tried again later"));
                    self.pause(every)?;
                }
            }
        }
    }

    /// Waits. Errors: `Cancelled` as soon as it is asked to stop.
    fn pause(&self, time: Duration) -> Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.cancel.check()?;
            sleep(Duration::from_millis(100));
        }
        self.cancel.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable;
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    fn at(hour: i8, minute: i8) -> Zoned {
        date(2026, 3, 4).at(hour, minute, 0, 0).to_zoned(TimeZone::UTC).unwrap()
    }

    #[test]
    fn nights_reach_over_midnight() {
        let root = tempfile::tempdir().unwrap();
        let hours = |hours: &str| {
            let settings = config::Night { hours: hours.into(), ..config::Night::default() };
            Night::new(settings, Machine::at(root.path()))
        };
        let night = hours("22:00-06:00");
        assert_eq!(night.objection(&at(23, 0)), None);
        assert_eq!(night.objection(&at(5, 59)), None);
        assert!(night.objection(&at(6, 0)).unwrap().contains("06:00, not between 22:00 and 06:00"));
        let lunch = hours("12:00-13:00");
        assert!(lunch.objection(&at(13, 0)).is_some() && lunch.objection(&at(12, 30)).is_none());
        assert_eq!(hours("").objection(&at(12, 0)), None, "at any time");
    }

    #[test]
    fn a_weak_or_hot_machine_waits() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| durable::write(&root.path().join(path), text.as_bytes()).unwrap();
        let night = Night::new(
            config::Night { hours: String::new(), min_battery: 50, max_celsius: 70.0, ..config::Night::default() },
            Machine::at(root.path()),
        );
        assert_eq!(night.objection(&at(3, 0)), None, "what nobody tells decides nothing");
        write("sys/class/power_supply/BAT0/type", "Battery");
        write("sys/class/power_supply/BAT0/capacity", "49");
        assert!(night.objection(&at(3, 0)).unwrap().contains("49 %"));
        write("sys/class/power_supply/BAT0/capacity", "50");
        write("sys/class/thermal/thermal_zone0/temp", "70500");
        assert!(night.objection(&at(3, 0)).unwrap().contains("°C"));
        write("sys/class/thermal/thermal_zone0/temp", "69000");
        assert_eq!(night.objection(&at(3, 0)), None);
        write("proc/meminfo", "MemAvailable: 512000 kB");
        assert!(night.short_of_memory(900).unwrap().contains("500 MB"));
    }
}
