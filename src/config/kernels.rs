//! Which kernels compute.

use crate::error::{Error, Result};
use crate::kernel::Backend;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The choice of kernels. All of ours give the same answers, bit for bit; ONNX Runtime's round otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kernels {
    /// The best of ours that the processor has instructions for.
    #[default]
    Auto,
    /// ONNX Runtime's own.
    Stock,
    /// Ours for one instruction set: one of [`Backend::NAMES`].
    Named(&'static str),
}

impl Kernels {
    /// Ours, if they are to compute.
    ///
    /// Errors: `Unsupported` where the processor has no such instructions.
    pub fn backend(&self) -> Result<Option<Backend>> {
        match self {
            Self::Auto => Ok(Some(Backend::best())),
            Self::Stock => Ok(None),
            Self::Named(name) => Backend::named(name).map(Some).ok_or_else(|| {
                let there: Vec<_> = Backend::available().map(Backend::name).collect();
                Error::unsupported(format!(
                    "this processor has no instructions for kernels = {name:?}; it has {}; \"auto\" takes the best",
                    there.join(", ")
                ))
            }),
        }
    }

    /// Whether ours are to compute.
    pub fn are_ours(&self) -> bool {
        *self != Self::Stock
    }
}

impl fmt::Display for Kernels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Stock => "stock",
            Self::Named(name) => name,
        })
    }
}

impl FromStr for Kernels {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match (name, Backend::NAMES.into_iter().find(|known| *known == name)) {
            ("auto", _) => Ok(Self::Auto),
            ("stock", _) => Ok(Self::Stock),
            (_, Some(name)) => Ok(Self::Named(name)),
            _ => Err(Error::invalid(format!(
                "{name:?} is no choice of kernels; choose auto, stock, {}",
                Backend::NAMES.join(", ")
            ))),
        }
    }
}

impl Serialize for Kernels {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Kernels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        /// What files of earlier versions say, too.
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected the name of kernels, such as \"auto\" or \"stock\"")]
        enum Said {
            Whether(bool),
            Which(String),
        }
        match Said::deserialize(deserializer)? {
            Said::Whether(true) => Ok(Self::Auto),
            Said::Whether(false) => Ok(Self::Stock),
            Said::Which(name) => name.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_earlier_files_said_are_understood() {
        #[derive(Deserialize)]
        struct File {
            kernels: Kernels,
        }
        let read = |value: &str| toml::from_str::<File>(&format!("kernels = {value}")).map(|file| file.kernels);
        assert_eq!(read("true").unwrap(), Kernels::Auto);
        assert_eq!(read("false").unwrap(), Kernels::Stock);
        assert_eq!(read("\"scalar\"").unwrap().backend().unwrap(), Some(Backend::SCALAR));
        assert_eq!(read("\"auto\"").unwrap().backend().unwrap(), Some(Backend::best()));
        for name in Backend::NAMES {
            let choice = read(&format!("{name:?}")).unwrap();
            assert_eq!(choice.to_string(), name);
            match choice.backend() {
                Ok(backend) => assert_eq!(backend.map(Backend::name), Some(name)),
                Err(e) => assert!(e.to_string().contains("scalar"), "{e} names what there is"),
            }
        }
        assert!(read("\"fast\"").unwrap_err().to_string().contains("avx512vnni"));
    }
}
