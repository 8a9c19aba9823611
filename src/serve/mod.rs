//! The service on the device: HTTP on loopback and on a socket, over the library's public face. A front end like the
//! command line, and nothing below knows of it.
//!
//! | file | what it knows |
//! |---|---|
//! | `listen` | where the service listens |
//! | `connection`, `patient` | connections and their bounds |
//! | `gate`, `secret` | who may come in |
//! | `rate`, `work` | how much is done at once |
//! | `route`, `body`, `problem` | from a request to its answer |
//! | `house`, `pool`, `metrics` | what all of them share |
//! | `openai` | the API that programs speak |
//! | `own` | Wayside's own |
//! | `page` | the page for a kiosk's browser |
//! | `client` | asking a service from the command line |

mod body;
pub mod client;
mod connection;
mod gate;
mod house;
mod listen;
mod metrics;
mod openai;
mod own;
mod page;
mod patient;
mod pool;
mod problem;
mod rate;
mod route;
mod secret;
mod work;

use connection::{Connections, serve};
use gate::{Door, Gate};
use house::House;
use listen::{Doors, secrets, starters};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use wayside::{Error, Runtime};

/// How long answers that are under way may take once the service is to stop.
const GRACE: Duration = Duration::from_secs(10);
/// How often conversations are looked through for old ones.
const SWEEP: Duration = Duration::from_secs(5);
/// How long a listener that cannot accept waits until it tries again.
const PAUSE: Duration = Duration::from_millis(100);

/// What is told once the service answers.
pub struct Ready {
    /// The address it listens on.
    pub listening: Option<SocketAddr>,
    /// Its socket.
    pub socket: Option<PathBuf>,
    /// What should be known.
    pub notes: Vec<String>,
}

/// Serves until it is asked to stop. `ready` is called once everything that answers is loaded.
///
/// # Errors
/// It cannot listen, or something that answers is missing.
pub fn run(
    runtime: Runtime,
    listen: Option<&str>,
    socket: Option<&Path>,
    ready: impl FnOnce(&Ready),
) -> Result<(), Error> {
    let (token, staff) = secrets(runtime.home())?;
    let doors = Doors::open(&runtime, listen, socket)?;
    if let Some(address) = doors.address() {
        starters(runtime.home(), address, &token, &staff)?;
    }
    let gate = Gate::new(&runtime.config().serve, doors.address(), token, staff);
    let told = Ready {
        listening: doors.address(),
        socket: doors.socket.as_ref().map(|(_, path)| path.clone()),
        notes: doors.notes.clone(),
    };
    let house = Arc::new(House::new(runtime, gate));
    let engine = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::io("cannot begin to serve", e))?;
    let served = engine.block_on(serving(&house, &doors, || ready(&told)));
    doors.close();
    // Whatever still works was told to stop.
    engine.shutdown_timeout(Duration::from_secs(1));
    served
}

async fn serving(house: &Arc<House>, doors: &Doors, ready: impl FnOnce()) -> Result<(), Error> {
    let refused = |e| Error::io("cannot begin to serve", e);
    let (stop, stopping) = watch::channel(false);
    let connections = Arc::new(Connections::new(house.runtime.config().serve.connections));
    let mut listeners = tokio::task::JoinSet::new();
    if let Some(tcp) = &doors.tcp {
        tcp.set_nonblocking(true).map_err(refused)?;
        let tcp = TcpListener::from_std(tcp.try_clone().map_err(refused)?).map_err(refused)?;
        listeners.spawn(accept_tcp(tcp, house.clone(), connections.clone(), stopping.clone()));
    }
    if let Some((socket, _)) = &doors.socket {
        socket.set_nonblocking(true).map_err(refused)?;
        let socket = UnixListener::from_std(socket.try_clone().map_err(refused)?).map_err(refused)?;
        listeners.spawn(accept_unix(socket, house.clone(), connections.clone(), stopping.clone()));
    }
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let loading = house.clone();
    let mut loading = tokio::task::spawn_blocking(move || loading.load());
    let mut sweep = tokio::time::interval(SWEEP);
    let mut ready = Some(ready);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = sweep.tick() => {
                let now = Instant::now();
                house.chats.sweep(now, |_, _| false);
                house.completers.sweep(now, |_, _| false);
            }
            loaded = &mut loading, if ready.is_some() => {
                loaded.map_err(|_| Error::engine("loading broke off"))??;
                if let Some(ready) = ready.take() { ready(); }
            }
        }
    }
    listeners.shutdown().await;
    let _ = stop.send(true);
    drop(stopping);
    // All connections have gone when nobody listens for the end any more.
    if tokio::time::timeout(GRACE, stop.closed()).await.is_err() {
        house.stopping.cancel();
        let _ = tokio::time::timeout(GRACE, stop.closed()).await;
    }
    Ok(())
}

async fn accept_tcp(
    listener: TcpListener,
    house: Arc<House>,
    connections: Arc<Connections>,
    stopping: watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Words are told as they come, not when there are enough of them.
                let _ = stream.set_nodelay(true);
                let (house, connections) = (house.clone(), connections.clone());
                tokio::spawn(serve(house, connections, Door::Tcp, stream, stopping.clone()));
            }
            // There are no more files to be had; others will go.
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn accept_unix(
    listener: UnixListener,
    house: Arc<House>,
    connections: Arc<Connections>,
    stopping: watch::Receiver<bool>,
) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (house, connections) = (house.clone(), connections.clone());
                tokio::spawn(serve(house, connections, Door::Socket, stream, stopping.clone()));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
