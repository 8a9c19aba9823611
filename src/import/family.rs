//! The families of decoders, a line each. They share the llama shape; a new one says how it differs.

/// How a family differs from plain llama.
pub(super) struct Family {
    /// Its name in `config.json` (`model_type`) and in GGUF (`general.architecture`).
    pub name: &'static str,
    /// An RMS norm over each head of q and k.
    pub qk_norm: bool,
    /// Whether its configuration's `sliding_window` counts only when `use_sliding_window` is set.
    pub optional_window: bool,
    /// Whether llama.cpp stores its q and k with the halves of each head interleaved.
    pub interleaved: bool,
}

const FAMILIES: [Family; 4] = [
    Family { name: "llama", qk_norm: false, optional_window: false, interleaved: true },
    // In GGUF, Mistral goes under llama.
    Family { name: "mistral", qk_norm: false, optional_window: false, interleaved: true },
    Family { name: "qwen2", qk_norm: false, optional_window: true, interleaved: false },
    Family { name: "qwen3", qk_norm: true, optional_window: true, interleaved: false },
];

/// A family by name.
pub(super) fn named(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|f| f.name == name)
}

/// What to say of an architecture that is none of these.
pub(super) fn unknown(name: &str) -> crate::Error {
    let known: Vec<_> = FAMILIES.iter().map(|f| f.name).collect();
    crate::Error::unsupported(format!("architecture {name:?} is unknown; known are {}, bert", known.join(", ")))
}
