//! A server in this process, and people with clients: small ones, written against the documented wire format.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use privmsg_protocol::frames::{DeliveredMessage, ErrorFrame, ServerFrame};
use privmsg_protocol::rest::{CreatedUser, LoginResponse};
use privmsg_protocol::{GroupId, MessageId};
use privmsg_server::{CancellationToken, Clock, Config, Params};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// What a server says when it begins to read the body of a request that asks for it.
pub(crate) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

pub(crate) const ADMIN_KEY: &str = "admin key of the tests";

/// Long enough for a loaded machine, short enough to see a hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pause between two looks at something that is to become so.
const LOOK: Duration = Duration::from_millis(10);

/// Looks again and again until it is so.
pub(crate) async fn until(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !look().await {
        assert!(begun.elapsed() < PATIENCE, "waits in vain for this: {what}");
        tokio::time::sleep(LOOK).await;
    }
}

/// Lets time pass for the patience of the server, which runs in this process by Tokio's clock. Sockets need real time.
pub(crate) async fn time_passes(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A running server with its data.
pub(crate) struct TestServer {
    pub(crate) api: Api,
    pub(crate) clock: Clock,
    pub(crate) config: Config,
    /// Where `/metrics` is.
    pub(crate) metrics: Option<SocketAddr>,
    /// Deleted with the server.
    _folder: TempDir,
    shutdown: CancellationToken,
    running: Option<JoinHandle<()>>,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts a server whose configuration is changed first.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.port = 0;
        config.storage.database_path = folder.path().join("privmsg.db");
        config.storage.files_path = folder.path().join("files");
        config.admin.master_key = privmsg_protocol::Secret::new(ADMIN_KEY.to_owned());
        config.limits.rate_limit_messages_per_minute = 0;
        config.limits.max_frames_per_second = 0;
        change(&mut config);
        let clock = Clock::manual(1_800_000_000);
        let Launched { api, metrics, shutdown, running } = launch(&config, &clock).await;
        Self { api, clock, config, metrics, _folder: folder, shutdown, running: Some(running) }
    }

    pub(crate) async fn stop(&mut self) {
        self.shutdown.cancel();
        if let Some(running) = self.running.take() {
            running.await.unwrap();
        }
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        let Launched { api, metrics, shutdown, running } = launch(&self.config, &self.clock).await;
        self.api = api;
        self.metrics = metrics;
        self.shutdown = shutdown;
        self.running = Some(running);
    }

    /// Waits until the upkeep has looked at the clock, and has done what it had to do. Before each look it answers the
    /// command line, so the answer to a second question shows that the look after the first is over.
    pub(crate) async fn upkeep_looks(&self) {
        let path = self.config.storage.database_path.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let database = rusqlite::Connection::open(path).unwrap();
            database.busy_timeout(PATIENCE).unwrap();
            for _ in 0..2 {
                let begun = std::time::Instant::now();
                let ask = "INSERT INTO request (body, valid_until) VALUES ('a question', ?1)";
                database.execute(ask, [i64::MAX]).unwrap();
                let id = database.last_insert_rowid();
                let settled = "SELECT settled FROM request WHERE id = ?1";
                while database.query_row(settled, [id], |row| row.get::<_, i64>(0)).unwrap() == 0 {
                    assert!(begun.elapsed() < PATIENCE, "the upkeep does not look");
                    std::thread::sleep(LOOK);
                }
            }
        });
        asked.await.unwrap();
    }

    /// A new user with one device.
    pub(crate) async fn user(&self, name: &str) -> Person {
        let access_key = self.api.create_user(name).await;
        self.device(name, &access_key).await
    }

    /// Another device of a user.
    pub(crate) async fn device(&self, name: &str, access_key: &str) -> Person {
        self.api.login(name, access_key, None).await
    }
}

struct Launched {
    api: Api,
    metrics: Option<SocketAddr>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

async fn launch(config: &Config, clock: &Clock) -> Launched {
    let shutdown = CancellationToken::new();
    let server =
        privmsg_server::bind(Params { config: config.clone(), clock: clock.clone(), shutdown: shutdown.clone() })
            .await
            .unwrap();
    let api = Api { address: server.address() };
    Launched { api, metrics: server.metrics_address(), shutdown, running: tokio::spawn(server.run()) }
}

/// A REST answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| *known == name).map(|(_, value)| value.trim().to_owned()).next()
    }

    /// The body of a good answer.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The bytes of a good answer.
    #[track_caller]
    pub(crate) fn ok_bytes(&self, expected: &[u8]) {
        assert_eq!((self.status, self.body.as_slice()), (200, expected));
    }

    /// Checks that it is this error, in the documented form. Returns the problem.
    #[track_caller]
    pub(crate) fn is(&self, code: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert!(self.head.contains("application/problem+json"), "{text}");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{text}");
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["type"], "about:blank");
        let known = privmsg_protocol::ErrorCode::from(code);
        assert_eq!(self.status, known.http_status());
        problem
    }
}

/// The REST API of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) address: SocketAddr,
}

impl Api {
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // A server that refuses a body may close before it has read all of it.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer in time");
        let split = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let split = split.expect("an answer with a head");
        let head = String::from_utf8_lossy(&answer[..split]).to_lowercase();
        Answer { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body: answer[split + 4..].to_vec(), head }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, token: Option<&str>, kind: &str, body: &[u8]) -> Answer {
        let authorization = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{authorization}\
             content-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = self.raw(&request).await;
        crate::description::check(*self, method, path, &answer).await;
        answer
    }

    pub(crate) async fn json(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.call(method, path, token, "application/json", text.as_bytes()).await
    }

    pub(crate) async fn create_user(&self, name: &str) -> String {
        let body = json!({"admin_key": ADMIN_KEY, "user_id": name});
        let answer = self.json("POST", "/api/v1/admin/users", None, &body).await.ok();
        let created: CreatedUser = serde_json::from_value(answer).unwrap();
        created.access_key.expose().to_owned()
    }

    pub(crate) async fn login(&self, name: &str, access_key: &str, key: Option<&str>) -> Person {
        let body = json!({
            "user_id": name, "access_key": access_key, "device_name": "test", "device_type": "cli",
            "device_public_key": key,
        });
        let answer = self.json("POST", "/api/v1/auth/login", None, &body).await.ok();
        let login: LoginResponse = serde_json::from_value(answer).unwrap();
        Person {
            api: *self,
            name: name.to_owned(),
            access_key: access_key.to_owned(),
            token: login.token.expose().to_owned(),
            device: login.device_id.to_string(),
        }
    }
}

/// Somebody signed in on one device.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) api: Api,
    pub(crate) name: String,
    pub(crate) access_key: String,
    pub(crate) token: String,
    pub(crate) device: String,
}

impl Person {
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.api.json("GET", path, Some(&self.token), &Value::Null).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.api.json("DELETE", path, Some(&self.token), &Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.api.json("POST", path, Some(&self.token), &body).await
    }

    /// Connects and authenticates.
    pub(crate) async fn connect(&self) -> Line {
        let mut line = Line::open(self.api.address).await;
        line.send(json!({"type": "authenticate", "payload": {"token": self.token}})).await;
        match line.next().await {
            ServerFrame::Authenticated(who) => {
                assert_eq!(who.user_id.as_str(), self.name);
                assert_eq!(who.device_id.as_str(), self.device);
            }
            other => panic!("{other:?}"),
        }
        line
    }

    /// Connects to an empty mailbox.
    pub(crate) async fn online(&self) -> Line {
        let mut line = self.connect().await;
        assert_eq!(line.next().await, ServerFrame::CaughtUp);
        line
    }

    /// A message to a user.
    pub(crate) fn message(&self, to: &str, id: MessageId, content: &str) -> Value {
        json!({"type": "message", "payload": {
            "message_id": id, "sender_id": self.name, "recipient_id": to,
            "encrypted_content": content, "message_type": "text", "timestamp": 1,
        }})
    }

    /// A message to a group.
    pub(crate) fn group_message(&self, to: GroupId, epoch: u64, id: MessageId) -> Value {
        json!({"type": "message", "payload": {
            "message_id": id, "sender_id": self.name, "group_id": to, "epoch": epoch,
            "encrypted_content": "Y2lwaGVy", "message_type": "text", "timestamp": 1,
        }})
    }
}

/// An id that has not been used in this process.
pub(crate) fn new_id() -> MessageId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let mut random = [0; 10];
    random[2..].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    MessageId::v7(1_800_000_000_000, &random)
}

/// A WebSocket.
pub(crate) struct Line {
    pub(crate) stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Line {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/ws");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: String) {
        self.stream.send(Message::Text(text.into())).await.unwrap();
    }

    /// The next frame that is not about presence.
    pub(crate) async fn next(&mut self) -> ServerFrame {
        loop {
            match self.next_of_any_kind().await {
                ServerFrame::Presence(_) => {}
                frame => return frame,
            }
        }
    }

    pub(crate) async fn next_of_any_kind(&mut self) -> ServerFrame {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next())
                .await
                .expect("a frame in time")
                .expect("an open connection")
                .unwrap();
            match message {
                Message::Text(text) => return ServerFrame::parse(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code that the server closes with. Frames before it are passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("the end in time");
            match message {
                Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
                Some(Ok(_)) => {}
                other => panic!("ended without a close frame: {other:?}"),
            }
        }
    }

    /// Nothing but presence has been on its way. A connection answers what it has read before it delivers what waits for
    /// it, and reads again after that: so the first answer may overtake a delivery, and the second one cannot.
    pub(crate) async fn is_quiet(&mut self) {
        self.ping().await;
        self.ping().await;
    }

    pub(crate) async fn message(&mut self) -> DeliveredMessage {
        match self.next().await {
            ServerFrame::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn error(&mut self) -> ErrorFrame {
        match self.next().await {
            ServerFrame::Error(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// The ids that the server acknowledges next.
    pub(crate) async fn acked(&mut self) -> Vec<MessageId> {
        match self.next().await {
            ServerFrame::Ack(ack) => ack.message_ids,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn ack(&mut self, ids: &[MessageId]) {
        self.send(json!({"type": "ack", "payload": {"message_ids": ids}})).await;
    }

    /// Sends, and waits until it is durable.
    pub(crate) async fn deliver(&mut self, frame: Value) {
        let id = frame["payload"]["message_id"].clone();
        self.send(frame).await;
        let acked = self.acked().await;
        assert_eq!(serde_json::to_value(&acked).unwrap(), json!([id]));
    }

    /// Everything before this has been taken in by the server.
    pub(crate) async fn ping(&mut self) {
        self.send(json!({"type": "ping", "payload": {}})).await;
        assert_eq!(self.next().await, ServerFrame::Pong);
    }

    /// The same, passing over what comes before the answer.
    pub(crate) async fn ping_through(&mut self) {
        self.send(json!({"type": "ping", "payload": {}})).await;
        while self.next().await != ServerFrame::Pong {}
    }
}
