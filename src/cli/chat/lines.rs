//! Lines to answer: from somebody at a terminal, who may go away, or as they come from a pipe.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use wayside::Error;

/// What came of waiting for a line.
pub enum Next {
    Line(String),
    /// Nobody typed one in time.
    Idle,
    /// There are no more.
    End,
}

/// A source of lines.
pub enum Lines {
    Terminal {
        read: Receiver<Result<String, Error>>,
        /// Whether the line that is being typed was begun by somebody who went away.
        stale: bool,
    },
    Pipe,
}

impl Lines {
    /// Standard input: a terminal that somebody is seated at, or anything else.
    pub fn open(seated: bool) -> Self {
        if !seated {
            return Self::Pipe;
        }
        let (send, read) = channel();
        // Nothing ends a read but a line, so that it gets a thread of its own, which the process ends.
        std::thread::spawn(move || {
            while let Some(line) = line().transpose() {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self::Terminal { read, stale: false }
    }

    /// The next line, waited for as long as that (for ever without).
    pub fn next(&mut self, patience: Option<Duration>) -> Result<Next, Error> {
        let Self::Terminal { read, stale } = self else { return Ok(line()?.map_or(Next::End, Next::Line)) };
        loop {
            let read = match patience {
                Some(patience) => read.recv_timeout(patience),
                None => read.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match read {
                Ok(_) if *stale => *stale = false,
                Ok(line) => return line.map(Next::Line),
                Err(RecvTimeoutError::Timeout) => {
                    *stale = true;
                    return Ok(Next::Idle);
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(Next::End),
            }
        }
    }
}

fn line() -> Result<Option<String>, Error> {
    let mut line = Vec::new();
    let read = std::io::stdin().lock().read_until(b'\n', &mut line);
    let read = read.map_err(|e| Error::io("cannot read standard input", e))?;
    Ok((read > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
}
