//! What the gate found: every check with its numbers, so that a person can follow it years later.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether a candidate may serve, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every check was passed.
    pub passed: bool,
    /// The checks, in the order in which they were made.
    pub checks: Vec<Check>,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// What must hold: `better than the factory model`.
    pub check: String,
    /// Whether it does.
    pub passed: bool,
    /// What was found, as a sentence with its figures.
    pub detail: String,
    /// The figures, for programs.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub numbers: Value,
}

impl Verdict {
    /// The verdict of these checks. None at all is no pass: nothing was looked at.
    pub fn of(checks: Vec<Check>) -> Self {
        Self { passed: !checks.is_empty() && checks.iter().all(|check| check.passed), checks }
    }

    /// What speaks for the verdict: the checks that failed, or, where none did, what the candidate is better at.
    pub fn reasons(&self) -> Vec<String> {
        let told = |check: &Check| format!("{}: {}", check.check, check.detail);
        let better = |check: &&Check| !self.passed || check.check.starts_with("better");
        self.checks.iter().filter(|check| check.passed == self.passed).filter(better).map(told).collect()
    }
}

impl Check {
    /// A check and what it found.
    pub fn new(check: &str, passed: bool, detail: impl Into<String>, numbers: Value) -> Self {
        Self { check: check.into(), passed, detail: detail.into(), numbers }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failure_refuses_and_is_the_reason() {
        let check = |name: &str, passed| Check::new(name, passed, "0.2 nats", Value::Null);
        let good = Verdict::of(vec![check("better than the factory model", true), check("canaries", true)]);
        assert!(good.passed);
        assert_eq!(good.reasons(), ["better than the factory model: 0.2 nats"]);
        let bad = Verdict::of(vec![check("better than the factory model", true), check("canaries", false)]);
        assert!(!bad.passed);
        assert_eq!(bad.reasons(), ["canaries: 0.2 nats"]);
        assert!(!Verdict::of(vec![]).passed);
    }
}
