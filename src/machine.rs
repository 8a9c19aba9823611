//! What the machine tells about itself: charge, temperature, free memory. Linux writes it into files; what a system
//! does not tell is unknown, and nothing is decided by it.
//!
//! ```text
//! /sys/class/power_supply/*/   type, online, capacity
//! /sys/class/thermal/*/temp    thousandths of a degree
//! /sys/devices/system/cpu/cpu*/cpu_capacity    what a core can do, beside others (ARM)
//! /proc/meminfo                MemAvailable, in KiB
//! ```

use std::fs;
use std::path::{Path, PathBuf};

/// The least that a large core can do, beside the largest: middle cores of phones' chips have three quarters, and small
/// ones a half at most.
const LARGE: f32 = 0.6;

/// A machine's files.
#[derive(Clone, Debug)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The machine this runs on.
    pub fn this() -> Self {
        Self::at(Path::new("/"))
    }

    /// A machine whose `/proc` and `/sys` are under `root`.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The charge of the emptiest battery in percent, while nothing charges it. `None` on mains, and where there is no
    /// battery.
    pub fn battery(&self) -> Option<u8> {
        let supplies = self.folders("sys/class/power_supply");
        let is = |supply: &Path, kind: &str| read(&supply.join("type")).is_some_and(|t| t == kind);
        let on_mains = supplies.iter().any(|s| !is(s, "Battery") && read(&s.join("online")).is_some_and(|o| o == "1"));
        let charge = |supply: &PathBuf| read(&supply.join("capacity"))?.parse().ok();
        supplies.iter().filter(|s| !on_mains && is(s, "Battery")).filter_map(charge).min()
    }

    /// The temperature of the hottest sensor, in degrees Celsius.
    pub fn celsius(&self) -> Option<f32> {
        let temperature = |zone: &PathBuf| read(&zone.join("temp"))?.parse::<f32>().ok();
        // A sensor that is not connected says 0 or less.
        let sensors = self.folders("sys/class/thermal");
        sensors.iter().filter_map(temperature).map(|t| t / 1000.0).filter(|t| *t > 0.0).reduce(f32::max)
    }

    /// Bytes that could be taken without swapping.
    pub fn free_memory(&self) -> Option<u64> {
        let memory = fs::read_to_string(self.root.join("proc/meminfo")).ok()?;
        let line = memory.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
    }

    /// The numbers of the large cores, where there are small ones beside them. A loop that is shared out in equal parts
    /// ends when the slowest has done its part.
    pub fn large_cores(&self) -> Option<Vec<usize>> {
        let capacity = |core: &PathBuf| {
            let number = core.file_name()?.to_str()?.strip_prefix("cpu")?.parse::<usize>().ok()?;
            Some((number, read(&core.join("cpu_capacity"))?.parse::<f32>().ok()?))
        };
        let mut cores: Vec<_> = self.folders("sys/devices/system/cpu").iter().filter_map(capacity).collect();
        cores.sort_by_key(|(number, _)| *number);
        let largest = cores.iter().map(|(_, capacity)| *capacity).fold(0.0, f32::max);
        let large = cores.iter().filter(|(_, capacity)| *capacity >= LARGE * largest).map(|(number, _)| *number);
        Some(large.collect::<Vec<_>>()).filter(|large| large.len() < cores.len())
    }

    fn folders(&self, path: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.join(path)).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }
}

fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable;

    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
        let root = tempfile::tempdir().unwrap();
        files.iter().for_each(|(path, text)| durable::write(&root.path().join(path), text.as_bytes()).unwrap());
        let machine = Machine::at(root.path());
        (root, machine)
    }

    #[test]
    fn a_field_device_on_its_battery() {
        let (_root, machine) = machine(&[
            ("sys/class/power_supply/BAT0/type", "Battery\n"),
            ("sys/class/power_supply/BAT0/capacity", "81\n"),
            ("sys/class/power_supply/BAT1/type", "Battery\n"),
            ("sys/class/power_supply/BAT1/capacity", "34\n"),
            ("sys/class/power_supply/AC/type", "Mains\n"),
            ("sys/class/power_supply/AC/online", "0\n"),
            ("sys/class/thermal/thermal_zone0/temp", "41500\n"),
            ("sys/class/thermal/thermal_zone1/temp", "62000\n"),
            ("sys/class/thermal/thermal_zone2/temp", "-274000\n"),
            ("proc/meminfo", "MemTotal:  8000 kB\nMemAvailable:  2048 kB\n"),
        ]);
        assert_eq!(
            (machine.battery(), machine.celsius(), machine.free_memory()),
            (Some(34), Some(62.0), Some(2 << 20))
        );
        durable::write(&machine.root.join("sys/class/power_supply/AC/online"), b"1\n").unwrap();
        assert_eq!(machine.battery(), None);
    }

    #[test]
    fn what_nobody_tells_is_unknown() {
        let (_root, machine) = machine(&[
            ("sys/class/power_supply/BAT0/type", "Battery"),
            ("sys/class/power_supply/BAT0/capacity", "full"),
            ("proc/meminfo", "MemAvailable: lots"),
        ]);
        assert_eq!((machine.battery(), machine.celsius(), machine.free_memory()), (None, None, None));
        assert_eq!(machine.large_cores(), None);
    }

    #[test]
    fn large_cores_are_told_from_small_ones() {
        let cores = |capacities: [&str; 4]| {
            let files = capacities.map(|capacity| capacity.to_owned() + "\n");
            let paths: Vec<_> = (0..4).map(|n| format!("sys/devices/system/cpu/cpu{n}/cpu_capacity")).collect();
            let files: Vec<_> = paths.iter().zip(&files).map(|(path, text)| (path.as_str(), text.as_str())).collect();
            let (_root, machine) = machine(&files);
            machine.large_cores()
        };
        assert_eq!(cores(["530", "530", "1024", "1024"]), Some(vec![2, 3]), "two and two");
        assert_eq!(cores(["1024", "325", "782", "325"]), Some(vec![0, 2]), "three kinds");
        assert_eq!(cores(["1024"; 4]), None, "all alike");
    }
}
