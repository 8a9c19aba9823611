//! What this process has in memory, as the system tells it.

/// Bytes resident now; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most bytes that have been resident at once; `None` where the system does not tell.
pub fn peak() -> Option<u64> {
    status("VmHWM:")
}

fn status(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_has_had_at_least_what_it_has() {
        let now = super::resident().unwrap();
        assert!(now > 1 << 20 && super::peak().unwrap() >= now);
    }
}
