//! What `--version` tells: enough to tell one program from another.

use std::sync::LazyLock;
use wayside::kernel::Backend;
use wayside::parts::{Catalog, Kind, TARGET};

/// Features, and whether they are in this program.
const FEATURES: [(&str, bool); 8] = [
    ("grammar", cfg!(feature = "grammar")),
    ("http", cfg!(feature = "http")),
    ("pdf", cfg!(feature = "pdf")),
    ("postgres", cfg!(feature = "postgres")),
    ("serve", cfg!(feature = "serve")),
    ("sqlite", cfg!(feature = "sqlite")),
    ("train", cfg!(feature = "train")),
    ("tui", cfg!(feature = "tui")),
];

/// The version, the commit, what is in the program, and what computes here.
pub static LONG: LazyLock<String> = LazyLock::new(|| {
    let commit = Some(env!("WAYSIDE_COMMIT")).filter(|commit| !commit.is_empty()).unwrap_or("unknown");
    let features: Vec<&str> = FEATURES.iter().filter(|(_, is_in)| *is_in).map(|(name, _)| *name).collect();
    let kernels: Vec<_> = Backend::available().map(Backend::name).collect();
    let catalog = Catalog::builtin().ok();
    let runtime =
        catalog.as_ref().and_then(|catalog| catalog.of_target(TARGET).find(|part| part.kind == Kind::Runtime));
    let runtime = runtime.map_or("none of its own for this target", |part| part.version.as_str());
    format!(
        "{}\ncommit: {commit}\ntarget: {TARGET}\nfeatures: {}\nONNX Runtime: {runtime}\nkernels: {kernels}",
        env!("CARGO_PKG_VERSION"),
        features.join(", "),
        kernels = kernels.join(", "),
    )
});
