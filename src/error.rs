//! The one error type: a kind that programs match on, and a sentence that people read.

use std::fmt;

/// What went wrong, coarsely enough to act on. Each kind keeps its number for ever: it is the C status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ErrorKind {
    /// An argument, option or configuration value makes no sense.
    Invalid = 1,
    /// A file, model, document, interaction or part is not there.
    NotFound = 2,
    /// Bytes that are damaged, truncated or lie about themselves.
    Corrupt = 3,
    /// Well-formed, but nothing here knows how to use it.
    Unsupported = 4,
    /// Written by a newer version, or made for another model.
    Incompatible = 5,
    /// The operating system refused: permissions, broken disk.
    Io = 6,
    /// No space left on the device, or a size limit was reached.
    Full = 7,
    /// Someone else is using it.
    Busy = 8,
    /// The caller asked to stop.
    Cancelled = 9,
    /// ONNX Runtime could not be loaded, or refused a graph.
    Engine = 10,
    /// A part could not be fetched.
    Fetch = 11,
}

impl ErrorKind {
    /// Its name, for programs that read text.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Corrupt => "corrupt",
            Self::Unsupported => "unsupported",
            Self::Incompatible => "incompatible",
            Self::Io => "io",
            Self::Full => "full",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::Engine => "engine",
            Self::Fetch => "fetch",
        }
    }
}

/// An error: its kind, one sentence naming the thing and the remedy, and the cause beneath it.
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Every fallible function of the library returns this.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {$(
        #[doc = concat!("An error of kind [`ErrorKind::", stringify!($kind), "`].")]
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, message)
        }
    )*};
}

impl Error {
    /// An error without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    constructors! {
        invalid => Invalid, not_found => NotFound, corrupt => Corrupt, unsupported => Unsupported,
        incompatible => Incompatible, full => Full, busy => Busy, cancelled => Cancelled,
        engine => Engine, fetch => Fetch,
    }

    /// An operating-system error while doing `what`, for example `"cannot read models/a/model.onnx"`.
    /// The kind follows the cause: missing files and full disks are told apart from the rest.
    pub fn io(what: impl Into<String>, cause: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let (kind, remedy) = match cause.kind() {
            Io::NotFound => (ErrorKind::NotFound, ""),
            Io::StorageFull | Io::QuotaExceeded => (ErrorKind::Full, "; free some space and try again"),
            Io::PermissionDenied | Io::ReadOnlyFilesystem => {
                (ErrorKind::Io, "; check the permissions, or choose another folder")
            }
            Io::Interrupted => (ErrorKind::Cancelled, ""),
            // What is no UTF-8, and paths that are none.
            Io::InvalidData | Io::InvalidInput => (ErrorKind::Invalid, ""),
            _ => (ErrorKind::Io, ""),
        };
        Self { kind, message: format!("{}: {cause}{remedy}", what.into()), source: Some(Box::new(cause)) }
    }

    /// Adds the cause beneath the message.
    pub fn because(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Puts `outer` before the message, so that a deep error names what the caller was doing.
    pub fn context(mut self, outer: impl fmt::Display) -> Self {
        self.message = format!("{outer}: {}", self.message);
        self
    }

    /// The kind, for programs.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}
