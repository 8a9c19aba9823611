//! Connections: so many and no more, each with its bounds. A client that is slow, silent or gone costs a place, and
//! when places are short the one that has been idle for longest goes.

use super::body::Reply;
use super::gate::Door;
use super::house::House;
use super::patient::Patient;
use super::route::answer;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, watch};

/// How long a request's head may take, and a connection may be silent.
const HEAD: Duration = Duration::from_secs(30);
/// How long nothing may be taken of an answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 << 10;
/// Headers of a request.
const HEADERS: usize = 64;

/// The connections there are.
pub struct Connections {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next: u64,
    /// By age; those that were used last are the last.
    all: BTreeMap<u64, Arc<Place>>,
}

/// A connection's place.
struct Place {
    /// Requests that are being answered.
    busy: AtomicUsize,
    /// Ends it.
    leave: Notify,
}

/// A place, until it is dropped.
struct Held {
    connections: Arc<Connections>,
    id: Mutex<u64>,
    place: Arc<Place>,
}

impl Connections {
    /// For so many.
    pub fn new(most: usize) -> Self {
        Self { most, open: Mutex::default() }
    }

    /// A place for one more; none where all are busy. Returns whether another had to go for it.
    fn hold(self: &Arc<Self>) -> Option<(Arc<Held>, bool)> {
        let mut open = self.open();
        let full = open.all.len() >= self.most;
        if full {
            let idle = open.all.iter().find(|(_, place)| place.busy.load(Ordering::Acquire) == 0);
            let (id, place) = idle.map(|(id, place)| (*id, place.clone()))?;
            open.all.remove(&id);
            place.leave.notify_one();
        }
        let place = Arc::new(Place { busy: AtomicUsize::new(0), leave: Notify::new() });
        let id = open.add(place.clone());
        Some((Arc::new(Held { connections: self.clone(), id: Mutex::new(id), place }), full))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Every change is whole before anything can fail.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn add(&mut self, place: Arc<Place>) -> u64 {
        self.next += 1;
        self.all.insert(self.next, place);
        self.next
    }
}

impl Held {
    /// Says that a request begins, or that one was answered: the place is as good as new.
    fn busy(&self, by: isize) {
        if by > 0 {
            self.place.busy.fetch_add(1, Ordering::AcqRel);
        } else {
            self.place.busy.fetch_sub(1, Ordering::AcqRel);
        }
        let mut id = self.id.lock().unwrap_or_else(PoisonError::into_inner);
        let mut open = self.connections.open();
        if let Some(place) = open.all.remove(&id) {
            *id = open.add(place);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let id = *self.id.lock().unwrap_or_else(PoisonError::into_inner);
        self.connections.open().all.remove(&id);
    }
}

/// A request under way, until it is dropped.
struct Busy(Arc<Held>);

impl Busy {
    fn begin(held: &Arc<Held>) -> Self {
        held.busy(1);
        Self(held.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy(-1);
    }
}

/// Answers what comes over `stream`, until it ends or `stopping` says so.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    house: Arc<House>,
    connections: Arc<Connections>,
    door: Door,
    stream: S,
    mut stopping: watch::Receiver<bool>,
) {
    let Some((held, evicted)) = connections.hold() else { return };
    house.metrics.evicted.fetch_add(u64::from(evicted), Ordering::Relaxed);
    house.metrics.connections.fetch_add(1, Ordering::Relaxed);
    let service = service_fn(|request: Request<Incoming>| {
        let (house, busy) = (house.clone(), Busy::begin(&held));
        async move {
            let response: Response<Reply> = answer(&house, door, request).await;
            Ok::<_, Infallible>(response.map(|reply| reply.holding(busy)))
        }
    });
    let io = TokioIo::new(Patient::new(stream, PATIENCE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS)
        .max_header_size(HEAD_BYTES)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let mut ending = false;
    loop {
        tokio::select! {
            // What went wrong was the client's: it has gone, or does not speak HTTP.
            done = &mut connection => {
                if let Err(e) = done { log::debug!("a connection ended: {e}"); }
                break;
            }
            () = held.place.leave.notified() => break,
            _ = stopping.wait_for(|stop| *stop), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
    house.metrics.connections.fetch_sub(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_goes_when_places_are_short_and_nobody_who_is_answered() {
        let connections = Arc::new(Connections::new(3));
        let (first, _) = connections.hold().unwrap();
        let (second, _) = connections.hold().unwrap();
        let (third, _) = connections.hold().unwrap();
        let busy = Busy::begin(&first);
        let (fourth, evicted) = connections.hold().unwrap();
        assert!(evicted && !connections.open().all.contains_key(&second.id.lock().unwrap()));
        drop(busy);
        let (fifth, _) = connections.hold().unwrap();
        let there = |held: &Arc<Held>| connections.open().all.contains_key(&held.id.lock().unwrap());
        assert!(!there(&third) && there(&first) && there(&fourth), "who was answered last is the last to go");
        let _all = [&first, &fourth, &fifth].map(Busy::begin);
        assert!(connections.hold().is_none(), "all are busy");
        drop(second);
        assert_eq!(connections.open().all.len(), 3, "its place was another's already");
    }
}
