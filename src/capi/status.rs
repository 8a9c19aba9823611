//! An error's kind as C has it.

use crate::error::ErrorKind;

/// What a call came to. Numbers are never given twice; later versions may add some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Status {
    /// It did what it should.
    Ok = 0,
    /// An argument or a configured value makes no sense: a null pointer, bytes that are no UTF-8, an empty question.
    Invalid = 1,
    /// A file, model, document, interaction or part is not there.
    NotFound = 2,
    /// Bytes that are damaged, truncated or lie about themselves.
    Corrupt = 3,
    /// Well-formed, but nothing here knows how to use it.
    Unsupported = 4,
    /// Written by a newer version, made for another model, or a program built for a newer interface.
    Incompatible = 5,
    /// The operating system refused: permissions, broken disk.
    Io = 6,
    /// No space left on the device, or a size limit was reached.
    Full = 7,
    /// Someone else is using it: another process, or another thread.
    Busy = 8,
    /// The caller asked to stop.
    Cancelled = 9,
    /// ONNX Runtime could not be loaded, or refused a graph.
    Engine = 10,
    /// A part could not be fetched.
    Fetch = 11,
    /// A defect of the library. The process is whole; close the handles of the call, and report the message.
    Internal = 100,
}

impl From<ErrorKind> for Status {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Invalid => Self::Invalid,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Corrupt => Self::Corrupt,
            ErrorKind::Unsupported => Self::Unsupported,
            ErrorKind::Incompatible => Self::Incompatible,
            ErrorKind::Io => Self::Io,
            ErrorKind::Full => Self::Full,
            ErrorKind::Busy => Self::Busy,
            ErrorKind::Cancelled => Self::Cancelled,
            ErrorKind::Engine => Self::Engine,
            ErrorKind::Fetch => Self::Fetch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_and_its_status_have_one_number() {
        use ErrorKind as K;
        for kind in [K::Invalid, K::NotFound, K::Corrupt, K::Unsupported, K::Incompatible, K::Io] {
            assert_eq!(Status::from(kind) as i32, kind as i32);
        }
        for kind in [K::Full, K::Busy, K::Cancelled, K::Engine, K::Fetch] {
            assert_eq!(Status::from(kind) as i32, kind as i32);
        }
    }
}
