//! Which layers see a window of the past only.

use super::super::huggingface::Keys;

/// What a family does where its configuration names no layer.
#[derive(Clone, Copy)]
pub(crate) enum Windows {
    /// All layers have the window, if there is one.
    All,
    /// None has, unless `use_sliding_window` is set; then those from `max_window_layers` on.
    Optional,
    /// All but each so-manieth.
    AllButEach(usize),
}

impl Windows {
    /// Whether layer `layer` has the window.
    pub fn has(self, layer: usize) -> bool {
        match self {
            Self::All | Self::Optional => true,
            Self::AllButEach(n) => !(layer + 1).is_multiple_of(n),
        }
    }
}

/// The window of each layer, as a `config.json` says it.
pub(crate) fn windows(c: &Keys, family: Windows, layers: usize) -> Vec<Option<usize>> {
    let size = c.size("sliding_window").ok();
    let size = size.filter(|_| !matches!(family, Windows::Optional) || c.flag("use_sliding_window") == Some(true));
    let kinds = c.texts("layer_types").filter(|kinds| kinds.len() == layers);
    let family = match (family, c.size("sliding_window_pattern")) {
        (Windows::AllButEach(_), Ok(each)) => Windows::AllButEach(each),
        (family, _) => family,
    };
    let first = if matches!(family, Windows::Optional) { c.size("max_window_layers").unwrap_or(0) } else { 0 };
    let slides = |layer: usize| match &kinds {
        Some(kinds) => kinds[layer] == "sliding_attention",
        None => layer >= first && family.has(layer),
    };
    (0..layers).map(|layer| size.filter(|_| slides(layer))).collect()
}
