//! Proxies of both kinds, which lead every connection to one host.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// How a proxy behaves.
#[derive(Clone, Default)]
pub(super) struct Manner {
    /// `name:password` that it wants.
    pub(super) credentials: Option<&'static str>,
    /// What it answers instead of connecting: an HTTP status, or a SOCKS reply.
    pub(super) refusal: Option<u16>,
}

/// A running proxy. It ends with its runtime.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// What it was asked to connect to, so far.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

pub(super) async fn http(upstream: SocketAddr, manner: Manner) -> Running {
    run(move |client, asked| connect(client, upstream, manner.clone(), asked)).await
}

pub(super) async fn socks5(upstream: SocketAddr, manner: Manner) -> Running {
    run(move |client, asked| socks(client, upstream, manner.clone(), asked)).await
}

type Asked = Arc<Mutex<Vec<String>>>;

async fn run<F: Future<Output = Option<()>> + Send + 'static>(
    serve: impl Fn(TcpStream, Asked) -> F + Send + 'static,
) -> Running {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    tokio::spawn({
        let asked = Arc::clone(&asked);
        async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&asked)));
            }
        }
    });
    Running { address, asked }
}

async fn forward(mut client: TcpStream, upstream: SocketAddr) -> Option<()> {
    let mut server = TcpStream::connect(upstream).await.ok()?;
    copy_bidirectional(&mut client, &mut server).await.ok().map(drop)
}

async fn connect(client: TcpStream, upstream: SocketAddr, manner: Manner, asked: Asked) -> Option<()> {
    let mut client = BufReader::new(client);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        client.read_line(&mut line).await.ok()?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let authorized = manner.credentials.is_none_or(|pair| {
        let expected = format!("proxy-authorization: Basic {}", STANDARD.encode(pair));
        lines.iter().any(|line| line.eq_ignore_ascii_case(&expected))
    });
    let target = lines.first()?.strip_prefix("CONNECT ")?.strip_suffix(" HTTP/1.1")?.to_owned();
    asked.lock().unwrap().push(target);
    let status = if authorized { manner.refusal.unwrap_or(200) } else { 407 };
    let mut client = client.into_inner();
    client.write_all(format!("HTTP/1.1 {status} So be it\r\n").as_bytes()).await.ok()?;
    if status != 200 {
        return client.write_all(b"Content-Length: 6\r\n\r\n<html>").await.ok();
    }
    client.write_all(b"\r\n").await.ok()?;
    forward(client, upstream).await
}

async fn socks(mut client: TcpStream, upstream: SocketAddr, manner: Manner, asked: Asked) -> Option<()> {
    let mut head = [0; 2];
    client.read_exact(&mut head).await.ok()?;
    let mut methods = vec![0; head[1].into()];
    client.read_exact(&mut methods).await.ok()?;
    let wanted = if manner.credentials.is_some() { 2 } else { 0 };
    if head[0] != 5 || !methods.contains(&wanted) {
        return client.write_all(&[5, 0xff]).await.ok();
    }
    client.write_all(&[5, wanted]).await.ok()?;
    if let Some(expected) = manner.credentials {
        assert_eq!(client.read_u8().await.ok()?, 1);
        let (name, password) = (text(&mut client).await?, text(&mut client).await?);
        let fits = format!("{name}:{password}") == expected;
        client.write_all(&[1, u8::from(!fits)]).await.ok()?;
        if !fits {
            return None;
        }
    }
    let mut request = [0; 4];
    client.read_exact(&mut request).await.ok()?;
    let host = match request {
        [5, 1, 0, 1] => std::net::Ipv4Addr::from(client.read_u32().await.ok()?).to_string(),
        [5, 1, 0, 3] => text(&mut client).await?,
        [5, 1, 0, 4] => std::net::Ipv6Addr::from(client.read_u128().await.ok()?).to_string(),
        other => panic!("not a request: {other:?}"),
    };
    let port = client.read_u16().await.ok()?;
    asked.lock().unwrap().push(format!("{host} {port}"));
    let reply = u8::try_from(manner.refusal.unwrap_or(0)).unwrap();
    // With a name where an address is usual, as some proxies answer.
    client.write_all(&[5, reply, 0, 3, 1, b'x', 0, 80]).await.ok()?;
    if reply != 0 {
        return None;
    }
    forward(client, upstream).await
}

async fn text(client: &mut TcpStream) -> Option<String> {
    let len = client.read_u8().await.ok()?;
    let mut bytes = vec![0; len.into()];
    client.read_exact(&mut bytes).await.ok()?;
    String::from_utf8(bytes).ok()
}
