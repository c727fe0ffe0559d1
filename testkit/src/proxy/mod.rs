//! A bad network on loopback.
//!
//! It stands between clients and a server, forwards TCP, and does what [`Faults`] say. A cut swallows the piece at hand,
//! so that, say, a message arrives and its acknowledgement does not. On `/ws` a piece is one WebSocket frame, elsewhere
//! whatever was read at once. A [hostile server](crate::hostile) is one that has rules: it reads whole requests, answers
//! and frames.

mod frames;

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::hostile::{self, Rules};
use crate::random::Random;
use frames::Splitter;

/// How often a request that is held looks whether it may go on.
const HOLD_LOOK: Duration = Duration::from_millis(20);

/// What the network does. The default does nothing.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Of a thousand pieces so many are swallowed, and their connection ends.
    pub cut_permille: u32,
    /// Of a thousand `message` and `ack` frames so many come twice.
    pub repeat_permille: u32,
    /// Of a thousand new connections so many are closed at once.
    pub refuse_permille: u32,
    /// How long a piece is held back.
    pub delay: Range<Duration>,
    /// Requests of REST get no further for as long as this holds; `/ws` is not concerned.
    pub holds_rest: bool,
    /// Requests of REST end their connection.
    pub cuts_rest: bool,
}

/// What the network has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Connections that were cut.
    pub cuts: u64,
    /// Frames that came twice.
    pub repeats: u64,
    /// Connections that were refused.
    pub refusals: u64,
    /// Bytes that clients have sent.
    pub up: u64,
    /// Bytes that the server has sent.
    pub down: u64,
}

#[derive(Debug)]
struct Shared {
    upstream: Mutex<SocketAddr>,
    faults: Mutex<Faults>,
    random: Mutex<Random>,
    /// Connections with a lower number have gone silent.
    silent_below: watch::Sender<u64>,
    connections: AtomicU64,
    cuts: AtomicU64,
    repeats: AtomicU64,
    refusals: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    /// Cancelled and replaced to end all connections.
    cut: Mutex<CancellationToken>,
    /// What is read is looked into and changed by these, instead of forwarded piece by piece.
    rules: Option<Arc<Rules>>,
}

/// A running proxy. It ends when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    ended: CancellationToken,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A faultless network to `upstream`, whose later faults follow from `seed`.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(upstream: SocketAddr, seed: u64) -> Result<Self> {
        Self::start_with(upstream, seed, None).await
    }

    /// One that reads and changes what goes through it by `rules`, if there are any.
    pub(crate) async fn start_with(upstream: SocketAddr, seed: u64, rules: Option<Arc<Rules>>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            faults: Mutex::default(),
            random: Mutex::new(Random::new(seed)),
            silent_below: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            cut: Mutex::default(),
            rules,
        });
        let ended = CancellationToken::new();
        tokio::spawn(ended.clone().run_until_cancelled_owned(accept(listener, Arc::clone(&shared), ended.clone())));
        Ok(Self { address, shared, ended })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Behaves like this from now on, also on connections that are open.
    pub fn behaves(&self, faults: Faults) {
        *locked(&self.shared.faults) = faults;
    }

    /// Ends all connections.
    pub fn cuts_all(&self) {
        std::mem::take(&mut *locked(&self.shared.cut)).cancel();
    }

    /// Forwards nothing any more on the connections that are open, and leaves them open: half-open, as after a NAT has
    /// forgotten them. New ones work.
    pub fn goes_silent(&self) {
        self.shared.silent_below.send_replace(self.shared.connections.load(Ordering::SeqCst));
    }

    /// What it has done so far.
    #[must_use]
    pub fn done(&self) -> Done {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        let shared = &self.shared;
        Done {
            cuts: count(&shared.cuts),
            repeats: count(&shared.repeats),
            refusals: count(&shared.refusals),
            up: count(&shared.up),
            down: count(&shared.down),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Shared {
    fn chance(&self, permille: impl Fn(&Faults) -> u32) -> bool {
        let permille = permille(&locked(&self.faults));
        permille > 0 && locked(&self.random).permille(permille)
    }

    fn delay(&self) -> Duration {
        let range = locked(&self.faults).delay.clone();
        locked(&self.random).duration(&range)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, ended: CancellationToken) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        if shared.chance(|faults| faults.refuse_permille) {
            shared.refusals.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        let cut = locked(&shared.cut).child_token();
        let shared = Arc::clone(&shared);
        let forwarding = async move { cut.run_until_cancelled_owned(forward(client, shared, number)).await };
        tokio::spawn(ended.clone().run_until_cancelled_owned(forwarding));
    }
}

async fn forward(client: TcpStream, shared: Arc<Shared>, number: u64) {
    let upstream = *locked(&shared.upstream);
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    if client.set_nodelay(true).and_then(|()| server.set_nodelay(true)).is_err() {
        return;
    }
    if let Some(rules) = &shared.rules {
        if let Err(error) = hostile::between(client, server, rules, &shared.up, &shared.down).await {
            tracing::debug!(%error, "a connection through a hostile server has ended");
        }
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let websocket = AtomicBool::new(false);
    let up = pump(from_client, to_server, &shared, &shared.up, number, &websocket);
    let down = pump(from_server, to_client, &shared, &shared.down, number, &websocket);
    // Whichever side ends, the connection does.
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}

/// Forwards one direction until it ends or is cut.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    shared: &Shared,
    bytes: &AtomicU64,
    number: u64,
    websocket: &AtomicBool,
) {
    let mut silent_below = shared.silent_below.subscribe();
    let mut splitter = Splitter::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => Some(read),
            () = silence(&mut silent_below, number) => None,
        };
        let len = match read {
            Some(Ok(len @ 1..)) => len,
            Some(_) => return,
            None => std::future::pending().await,
        };
        bytes.fetch_add(len as u64, Ordering::SeqCst);
        splitter.push(&buffer[..len], websocket);
        while let Some(piece) = splitter.next() {
            while !websocket.load(Ordering::SeqCst) && locked(&shared.faults).holds_rest {
                tokio::time::sleep(HOLD_LOOK).await;
            }
            if !websocket.load(Ordering::SeqCst) && locked(&shared.faults).cuts_rest {
                return;
            }
            let delay = shared.delay();
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if number < *silent_below.borrow() {
                std::future::pending::<()>().await;
            }
            if shared.chance(|faults| faults.cut_permille) {
                shared.cuts.fetch_add(1, Ordering::SeqCst);
                return;
            }
            let repeat = piece.is_repeatable() && shared.chance(|faults| faults.repeat_permille);
            if repeat {
                shared.repeats.fetch_add(1, Ordering::SeqCst);
            }
            for _ in 0..=u8::from(repeat) {
                if to.write_all(piece.bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits until the connection with this number has gone silent.
async fn silence(silent_below: &mut watch::Receiver<u64>, number: u64) {
    if silent_below.wait_for(|below| number < *below).await.is_err() {
        std::future::pending::<()>().await;
    }
}
