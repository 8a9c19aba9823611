//! What is sent back: something whole, or events as they come.

use hyper::body::{Body, Bytes, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Interval, MissedTickBehavior, interval};
use wayside::watch::Cancel;

/// How long nothing is said before a comment says that somebody is still there.
const PING: Duration = Duration::from_secs(15);

/// Stops the work it was made for when it is dropped: whoever asked has gone.
pub struct Gone(pub Cancel);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What is sent back.
pub enum Reply {
    /// All at once.
    Whole(Option<Bytes>),
    /// Server-sent events.
    Events(Box<Events>),
}

/// Events as they come.
pub struct Events {
    coming: UnboundedReceiver<Bytes>,
    ping: Interval,
    _gone: Gone,
    /// What is held until the last is read.
    held: Option<Box<dyn Send>>,
}

impl Reply {
    /// Holds something until its last word is read, where that takes a while.
    pub fn holding(mut self, held: impl Send + 'static) -> Self {
        if let Self::Events(events) = &mut self {
            events.held = Some(Box::new(held));
        }
        self
    }
}

/// Where events are put. An answer is bounded, so what waits for a slow reader is, too; nobody else waits for one.
pub struct Teller {
    out: UnboundedSender<Bytes>,
    begun: Arc<Begun>,
}

/// Whether something was told.
#[derive(Default)]
pub struct Begun {
    is_so: AtomicBool,
    heard: Notify,
}

impl Begun {
    /// Whether it was.
    pub fn is_so(&self) -> bool {
        self.is_so.load(Ordering::Acquire)
    }

    /// Waits until it was.
    pub async fn wait(&self) {
        self.heard.notified().await;
    }
}

impl Teller {
    /// Tells an event that has a name, or just its data.
    pub fn event(&self, name: Option<&str>, data: &serde_json::Value) {
        let name = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
        self.send(format!("{name}data: {data}\n\n"));
    }

    /// Tells that there is no more, as clients of chat completions expect.
    pub fn done(&self) {
        self.send("data: [DONE]\n\n".to_owned());
    }

    fn send(&self, text: String) {
        // Nobody hears it any more: the work is told by `Gone`.
        let _ = self.out.send(text.into());
        if !self.begun.is_so.swap(true, Ordering::AcqRel) {
            self.begun.heard.notify_one();
        }
    }
}

/// Events that stop `cancel` when nobody reads them any more, where to tell them, and whether that was begun.
pub fn events(cancel: Cancel) -> (Teller, Arc<Begun>, Reply) {
    let (out, coming) = unbounded_channel();
    let mut ping = interval(PING);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let begun = Arc::new(Begun::default());
    let teller = Teller { out, begun: begun.clone() };
    (teller, begun, Reply::Events(Box::new(Events { coming, ping, _gone: Gone(cancel), held: None })))
}

impl From<String> for Reply {
    fn from(text: String) -> Self {
        Self::Whole(Some(text.into()))
    }
}

impl From<&'static [u8]> for Reply {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Whole(Some(Bytes::from_static(bytes)))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match self.get_mut() {
            Self::Whole(bytes) => bytes.take().map_or(Poll::Ready(None), frame),
            Self::Events(events) => match events.coming.poll_recv(cx) {
                Poll::Ready(Some(bytes)) => {
                    events.ping.reset();
                    frame(bytes)
                }
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => match events.ping.poll_tick(cx) {
                    Poll::Ready(_) => frame(Bytes::from_static(b": still here\n\n")),
                    Poll::Pending => Poll::Pending,
                },
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Events(_) => SizeHint::default(),
        }
    }
}
