//! Work that takes a while: so much at once and no more, on threads of its own, until whoever asked has gone.

use super::body::{Gone, Reply, Teller, events};
use super::house::House;
use super::problem::Problem;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};
use wayside::watch::Cancel;

/// How long an answer may take to its first word before the client is told that it comes.
const SILENCE: Duration = Duration::from_secs(2);

/// What is done at once, and what waits for it.
pub struct Desk {
    seats: Arc<Semaphore>,
    waiting: AtomicUsize,
    most: usize,
}

impl Desk {
    /// So many `seats`, and so many more who wait.
    pub fn new(seats: usize, most: usize) -> Self {
        Self { seats: Arc::new(Semaphore::new(seats)), waiting: AtomicUsize::new(0), most }
    }

    /// Waits for a seat. Who gives up waits no longer.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Problem> {
        if let Ok(seat) = self.seats.clone().try_acquire_owned() {
            return Ok(seat);
        }
        let _waiting = Waiting::begin(&self.waiting);
        if self.waiting() > self.most {
            return Err(Problem::too_many("too many are being answered; come again in a moment"));
        }
        let closed = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", "the service stops");
        self.seats.clone().acquire_owned().await.map_err(|_| closed())
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does `work` at a desk and sends what it gives; it is stopped when nobody waits for that any more.
///
/// # Errors
/// Its own; too many are at work.
pub async fn whole<T: Send + 'static>(
    house: &Arc<House>,
    desk: &Desk,
    work: impl FnOnce(&House, &Cancel) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let seat = desk.enter().await?;
    let cancel = house.stopping.below();
    let _gone = Gone(cancel.clone());
    let house = house.clone();
    joined(spawn_blocking(move || {
        let done = work(&house, &cancel);
        drop(seat);
        done
    }))
    .await
}

/// As [`whole`], for work that tells events. What goes wrong before the first is an answer by itself; later it is an
/// event.
///
/// # Errors
/// As [`whole`].
pub async fn streamed(
    house: &Arc<House>,
    desk: &Desk,
    work: impl FnOnce(&House, &Teller, &Cancel) -> Result<(), Problem> + Send + 'static,
) -> Result<Response<Reply>, Problem> {
    let seat = desk.enter().await?;
    let cancel = house.stopping.below();
    let (teller, begun, reply) = events(cancel.clone());
    let house = house.clone();
    let heard = begun.clone();
    let mut working = spawn_blocking(move || {
        let done = work(&house, &teller, &cancel);
        drop(seat);
        let is_silent = !heard.is_so();
        if let Err(problem) = &done {
            teller.event(None, &problem.json());
        }
        // An event that nobody was waiting for tells nothing; what was silent is told by itself.
        done.or_else(|problem| if is_silent { Err(problem) } else { Ok(()) })
    });
    tokio::select! {
        biased;
        done = &mut working => done.map_err(|_| broken())??,
        () = begun.wait() => {
            // The only event may be that it failed.
            tokio::task::yield_now().await;
            if working.is_finished() {
                joined(working).await?;
            }
        }
        () = tokio::time::sleep(SILENCE) => {}
    }
    let mut response = Response::new(reply);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn joined<T>(working: JoinHandle<Result<T, Problem>>) -> Result<T, Problem> {
    working.await.map_err(|_| broken())?
}

/// A thread ended by a panic: a defect, of which the others hear nothing.
fn broken() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the answer broke off; the log tells more")
}

/// A JSON document.
pub fn json(value: &Value) -> Response<Reply> {
    let mut response = Response::new(Reply::from(value.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_seat_waits_and_who_finds_no_room_is_told() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let desk = Desk::new(1, 1);
            let seat = desk.enter().await.unwrap();
            let (second, third) = tokio::join!(biased_drop(seat, &desk), desk.enter());
            assert!(second.is_ok());
            assert_eq!(third.unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(desk.waiting(), 0);
        });
    }

    /// Waits for a seat that is given back while another asks.
    async fn biased_drop(seat: OwnedSemaphorePermit, desk: &Desk) -> Result<OwnedSemaphorePermit, Problem> {
        let waiting = desk.enter();
        tokio::pin!(waiting);
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("there is none"),
            () = tokio::task::yield_now() => drop(seat),
        }
        waiting.await
    }
}
