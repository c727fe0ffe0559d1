//! A server in this process, and one connection to it that is used for as long as it lives.

use std::cell::{OnceCell, RefCell};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use privmsg_protocol::Secret;
use privmsg_server::{CancellationToken, Clock, Config, Params};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

const ADMIN_KEY: &str = "admin key of the fuzz targets";

/// Longer than anything here takes; a server that hangs is a finding.
const PATIENCE: Duration = Duration::from_secs(20);

/// What [`Server::file`] holds.
pub(crate) const FILE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// What the server said.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

/// Somebody signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) device: String,
}

/// See the module.
pub(crate) struct Server {
    address: SocketAddr,
    connection: RefCell<Option<TcpStream>>,
    pub(crate) alice: Person,
    pub(crate) bob: Person,
    file: OnceCell<String>,
    /// Stops before its folder goes.
    _runtime: Runtime,
    _folder: TempDir,
}

static SERVER: Mutex<Option<Server>> = Mutex::new(None);

/// Does something with the server, which is started first if it does not run.
pub(crate) fn with<T>(act: impl FnOnce(&Server) -> T) -> T {
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    act(server.get_or_insert_with(Server::start))
}

/// Ends the server and deletes its data.
pub fn stop() {
    SERVER.lock().unwrap_or_else(PoisonError::into_inner).take();
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.server.port = 0;
        config.storage.database_path = folder.path().join("privmsg.db");
        config.storage.files_path = folder.path().join("files");
        config.admin.master_key = Secret::new(ADMIN_KEY.to_owned());
        without_limits(&mut config);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let address = runtime.block_on(async {
            let params = Params { config, clock: Clock::system(), shutdown: CancellationToken::new() };
            let server = privmsg_server::bind(params).await.expect("a server");
            let address = server.address();
            tokio::spawn(server.run());
            address
        });
        let nobody = Person { token: String::new(), device: String::new() };
        let connection = RefCell::new(None);
        let mut server = Self {
            address,
            connection,
            alice: nobody.clone(),
            bob: nobody,
            file: OnceCell::new(),
            _runtime: runtime,
            _folder: folder,
        };
        server.alice = server.sign_up("alice");
        server.bob = server.sign_up("bob");
        server
    }

    fn sign_up(&self, name: &str) -> Person {
        let kind = "content-type: application/json\r\n";
        let body = json!({"admin_key": ADMIN_KEY, "user_id": name}).to_string();
        let created = self.request("POST", "/api/v1/admin/users", kind, body.as_bytes()).json();
        let body = json!({"user_id": name, "access_key": created["access_key"]}).to_string();
        let login = self.request("POST", "/api/v1/auth/login", kind, body.as_bytes()).json();
        let text = |field: &str| login[field].as_str().expect("a login").to_owned();
        Person { token: text("token"), device: text("device_id") }
    }

    /// The id of a stored file with [`FILE`].
    pub(crate) fn file(&self) -> &str {
        self.file.get_or_init(|| {
            let form =
                [b"--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n", FILE, b"\r\n--x--\r\n"].concat();
            let token = &self.alice.token;
            let headers = format!("authorization: Bearer {token}\r\ncontent-type: multipart/form-data; boundary=x\r\n");
            let stored = self.request("POST", "/api/v1/files/upload", &headers, &form).json();
            stored["file_id"].as_str().expect("an upload").to_owned()
        })
    }

    /// Sends a request whose framing is right: what is in it need not be. Fails on what a server must never answer.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: fuzz\r\n{headers}content-length: {}\r\n\r\n", body.len())
                .into_bytes();
        request.extend_from_slice(body);
        // The server may have closed the connection after the last answer.
        let answer = self.exchange(method, &request).or_else(|| self.exchange(method, &request));
        let answer = answer.expect("the server answers");
        let text = String::from_utf8_lossy(&answer.body);
        assert!(!matches!(answer.status, 500..=599), "{method} {path}: {} {text}", answer.status);
        answer
    }

    fn exchange(&self, method: &str, request: &[u8]) -> Option<Answer> {
        let mut connection = self.connection.borrow_mut();
        let stream = match connection.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address).expect("the server listens");
                stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                stream.set_nodelay(true).expect("no delay");
                stream
            }
        };
        // A server that refuses a body may close before it has read it.
        let _ = (&stream).write_all(request);
        let answer = read(&stream, method)?;
        if answer.header("connection") != Some("close") {
            *connection = Some(stream);
        }
        Some(answer)
    }
}

fn read(mut stream: &TcpStream, method: &str) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let answer = Answer { status: head.split(' ').nth(1)?.parse().ok()?, body: Vec::new(), head };
            let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let length: usize = if method == "HEAD" || answer.status == 304 { 0 } else { length };
            if bytes.len() >= end + 4 + length {
                return Some(Answer { body: bytes[end + 4..end + 4 + length].to_vec(), ..answer });
            }
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
}

/// What is refused for its number is not looked at.
fn without_limits(config: &mut Config) {
    let limits = &mut config.limits;
    limits.rate_limit_messages_per_minute = 0;
    limits.max_pending_messages = 0;
    limits.max_pending_mb = 0;
    limits.rate_limit_acks_per_minute = 0;
    limits.max_new_requests_per_day = 0;
    limits.max_request_messages_per_day = 0;
    limits.max_request_kb_per_day = 0;
    limits.max_waiting_mb_per_user = 0;
    limits.rate_limit_account_changes_per_hour = 0;
    limits.max_connections_per_address = 0;
    limits.max_unauthenticated_per_address = 0;
    limits.max_frames_per_second = 0;
    limits.max_transfers_per_user = 0;
    limits.max_unfinished_uploads = 0;
    limits.max_stored_mb_per_user = 0;
    limits.rate_limit_handshakes_per_minute = 0;
    limits.rate_limit_signals_per_minute = 0;
    limits.rate_limit_claims_per_minute = 0;
    limits.rate_limit_claims_of_one_per_minute = 0;
    limits.rate_limit_uploads_per_minute = 0;
    limits.rate_limit_new_devices_per_minute = 0;
    limits.rate_limit_new_groups_per_hour = 0;
    limits.max_group_mb_per_user = 0;
    limits.rate_limit_connects_per_minute = 0;
    limits.rate_limit_requests_per_minute = 0;
    limits.rate_limit_requests_per_address_per_minute = 0;
    limits.max_wrong_keys = 0;
}
