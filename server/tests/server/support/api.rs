//! Requests, and who makes them.

use std::net::SocketAddr;

use privmsg_harness::e2ee::{DeviceKeys, OsRng};
use privmsg_harness::mls::MlsDevice;
use privmsg_protocol::frames::ServerFrame;
use privmsg_protocol::rest::{CreatedUser, LoginResponse};
use privmsg_protocol::{GroupId, MessageId};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{ADMIN_KEY, Line, PATIENCE};

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

    /// Signs in a device with this public key, or with keys of its own, which are those of its leaves.
    pub(crate) async fn login(&self, name: &str, access_key: &str, key: Option<&str>) -> Person {
        let keys = DeviceKeys::generate(&mut OsRng);
        let public = key.map_or_else(|| keys.public().to_string(), str::to_owned);
        self.signs_in(name, access_key, &public, keys).await
    }

    /// The same with the keys that follow from this number.
    pub(crate) async fn login_with(&self, name: &str, access_key: &str, key: u8) -> Person {
        let keys = DeviceKeys::from_bytes(&[key; 32]);
        self.signs_in(name, access_key, &keys.public().to_string(), keys).await
    }

    async fn signs_in(&self, name: &str, access_key: &str, public: &str, keys: DeviceKeys) -> Person {
        let body = json!({
            "user_id": name, "access_key": access_key, "device_name": "test", "device_type": "cli",
            "device_public_key": public,
        });
        let answer = self.json("POST", "/api/v1/auth/login", None, &body).await.ok();
        let login: LoginResponse = serde_json::from_value(answer).unwrap();
        Person {
            api: *self,
            name: name.to_owned(),
            access_key: access_key.to_owned(),
            token: login.token.expose().to_owned(),
            device: login.device_id.to_string(),
            mls: MlsDevice::with_keys(name, login.device_id.as_str(), keys).unwrap(),
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
    pub(crate) mls: MlsDevice,
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

    /// Connects, and acknowledges the one message that waits.
    pub(crate) async fn online_past_welcome(&self) -> Line {
        let mut line = self.connect().await;
        let welcome = line.message().await.message_id;
        assert_eq!(line.next().await, ServerFrame::CaughtUp);
        line.ack(&[welcome]).await;
        line.ping().await;
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
        // What of a message of MLS everybody sees.
        let head = [&[0, 1, 0, 2, 16][..], to.as_bytes(), &epoch.to_be_bytes(), &[1]].concat();
        json!({"type": "message", "payload": {
            "message_id": id, "sender_id": self.name, "group_id": to, "epoch": epoch, "by_person": true,
            "encrypted_content": super::base64(&head), "message_type": "text", "timestamp": 1,
        }})
    }
}
