//! One connection through a hostile server.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Text;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::http::{Message, Reader};
use super::rules::{Asked, Frame, Rules};

/// Larger than any frame of client or server.
const MAX_FRAME: usize = 64 << 20;

const PREFIX: &str = "/api/v1/";

/// Forwards a connection by the rules until one side ends it. Counts what has gone up and down.
pub(crate) async fn between(
    client: TcpStream,
    server: TcpStream,
    rules: &Rules,
    up: &AtomicU64,
    down: &AtomicU64,
) -> Result<()> {
    let (from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let (mut from_client, mut from_server) = (Reader::new(from_client), Reader::new(from_server));
    while let Some(mut request) = from_client.message(true).await? {
        up.fetch_add(request.body.len() as u64, Ordering::SeqCst);
        let (method, target) = request.request_line()?;
        let (method, is_socket) = (method.to_owned(), target == "/ws");
        let mut asked = Asked { method: method.clone(), path: String::new(), body: Value::Null };
        let original = asked_of(&request, target).inspect(|original| asked.clone_from(original));
        if original.is_some()
            && let Some(answer) = rules.ask(&mut asked)
        {
            let body = if answer.body.is_null() { Vec::new() } else { serde_json::to_vec(&answer.body)? };
            Message::answer(answer.status, body).write(&mut to_client, true).await?;
            continue;
        }
        if let Some(original) = &original {
            put(&mut request, original, &asked)?;
        }
        request.write(&mut to_server, true).await?;
        let has_body = method != "HEAD";
        let Some(mut answer) = from_server.message(has_body).await? else { return Ok(()) };
        if is_socket && answer.status()? == 101 {
            answer.write(&mut to_client, false).await?;
            let (client, early) = from_client.into_parts();
            let client = socket(client.reunite(to_client)?, early, Role::Server).await;
            let (server, early) = from_server.into_parts();
            let server = socket(server.reunite(to_server)?, early, Role::Client).await;
            return frames(client, server, rules).await;
        }
        if let Some(original) = &original
            && answer.is_json()
            && answer.status()? < 300
        {
            let before: Value = serde_json::from_slice(&answer.body)?;
            let mut after = before.clone();
            rules.answered(original, &mut after);
            if after != before {
                answer.body = serde_json::to_vec(&after)?;
            }
        }
        down.fetch_add(answer.body.len() as u64, Ordering::SeqCst);
        answer.write(&mut to_client, has_body).await?;
    }
    Ok(())
}

/// A request for the API.
fn asked_of(request: &Message, target: &str) -> Option<Asked> {
    let (method, _) = request.request_line().ok()?;
    let path = target.strip_prefix(PREFIX)?.to_owned();
    let body = if request.is_json() { serde_json::from_slice(&request.body).unwrap_or_default() } else { Value::Null };
    Some(Asked { method: method.to_owned(), path, body })
}

/// Puts what has changed into the request.
fn put(request: &mut Message, original: &Asked, asked: &Asked) -> Result<()> {
    if (&asked.path, &asked.method) != (&original.path, &original.method) {
        request.start = format!("{} {PREFIX}{} HTTP/1.1", asked.method, asked.path);
    }
    if asked.body != original.body {
        request.body = serde_json::to_vec(&asked.body)?;
    }
    Ok(())
}

async fn socket(stream: TcpStream, early: Vec<u8>, role: Role) -> WebSocketStream<TcpStream> {
    let config = WebSocketConfig::default().max_message_size(Some(MAX_FRAME)).max_frame_size(Some(MAX_FRAME));
    WebSocketStream::from_partially_read(stream, early, role, Some(config)).await
}

async fn frames(
    mut client: WebSocketStream<TcpStream>,
    mut server: WebSocketStream<TcpStream>,
    rules: &Rules,
) -> Result<()> {
    let mut told = rules.told.subscribe();
    loop {
        let (message, to_server) = tokio::select! {
            message = client.next() => (message, true),
            message = server.next() => (message, false),
            said = told.recv() => {
                match said {
                    Ok(said) => client.send(Text::text(said.to_string())).await?,
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return Ok(()),
                }
                continue;
            }
        };
        match message.context("the connection has ended")?? {
            Text::Text(text) => {
                let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
                let frame = if to_server { Frame::FromClient(value) } else { Frame::FromServer(value) };
                for frame in rules.passes(frame) {
                    match frame {
                        Frame::FromClient(value) => server.send(Text::text(value.to_string())).await?,
                        Frame::FromServer(value) => client.send(Text::text(value.to_string())).await?,
                    }
                }
            }
            Text::Close(reason) => {
                let other = if to_server { &mut server } else { &mut client };
                return Ok(other.close(reason).await?);
            }
            // Each side is answered here.
            _ => {}
        }
    }
}
