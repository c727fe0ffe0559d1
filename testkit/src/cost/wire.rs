//! A way to the server on which bytes are counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};

/// See the module.
#[derive(Debug)]
pub struct Wire {
    url: String,
    bytes: Arc<[AtomicU64; 2]>,
    relay: tokio::task::JoinHandle<()>,
}

/// Bytes up and down so far.
#[derive(Debug, Clone, Copy)]
pub struct Counts([u64; 2]);

/// Megabytes.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// To the server.
    pub sent: f64,
    /// From it.
    pub fetched: f64,
}

impl Counts {
    /// What was used since then.
    #[must_use]
    pub fn since(self, before: Self) -> Used {
        let [sent, fetched] = [0, 1].map(|at| (self.0[at] - before.0[at]) as f64 / 1e6);
        Used { sent, fetched }
    }
}

impl Wire {
    /// To this server.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let bytes = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let counted = Arc::clone(&bytes);
        let relay = tokio::spawn(async move {
            let mut ways = tokio::task::JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                ways.spawn(async move {
                    let Ok(far) = TcpStream::connect(server).await else { return };
                    let ((near_reads, near_writes), (far_reads, far_writes)) = (near.into_split(), far.into_split());
                    tokio::join!(pass(near_reads, far_writes, &counted[0]), pass(far_reads, near_writes, &counted[1]));
                });
            }
        });
        Ok(Self { url, bytes, relay })
    }

    /// What a user enters.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// So far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts([self.bytes[0].load(Ordering::SeqCst), self.bytes[1].load(Ordering::SeqCst)])
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn pass(mut from: tokio::net::tcp::OwnedReadHalf, mut to: tokio::net::tcp::OwnedWriteHalf, counted: &AtomicU64) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        counted.fetch_add(read as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
}
