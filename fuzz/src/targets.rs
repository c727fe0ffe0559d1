//! One function for each target. Each takes any bytes, and fails where the server does what it must never do.

use std::fmt::Debug;

use privmsg_protocol::frames::{ClientFrame, ServerFrame};
use privmsg_protocol::rest;
use privmsg_server::Config;
use privmsg_server::config::Source;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::server::{self, Answer, Server};

/// A target: its name, which is that of its corpus, and what it does.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("client_frames", client_frames),
    ("configuration", configuration),
    ("groups", groups),
    ("headers", headers),
    ("multipart", multipart),
    ("rest_bodies", rest_bodies),
    ("resumable", resumable),
];

/// Frames, from either side: what is understood survives being written and read again.
pub fn client_frames(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(frame) = ClientFrame::parse(text) {
        let written = frame.to_json();
        let again = ClientFrame::parse(&written).expect("what was written is read");
        assert_eq!(again.to_json(), written);
    }
    if let Ok(frame) = ServerFrame::parse(text) {
        assert_eq!(ServerFrame::parse(&frame.to_json()).as_ref(), Ok(&frame));
    }
}

/// Bodies of requests and answers; the first byte chooses which.
pub fn rest_bodies(input: &[u8]) {
    const BODIES: &[fn(&[u8])] = &[
        body::<rest::LoginRequest>,
        body::<rest::LoginResponse>,
        body::<rest::RefreshResponse>,
        body::<rest::UserProfile>,
        body::<rest::UpdateProfile>,
        body::<rest::Devices>,
        body::<rest::PendingMessages>,
        body::<rest::AckRequest>,
        body::<rest::UploadResponse>,
        body::<rest::TurnCredentials>,
        body::<rest::CreateUser>,
        body::<rest::CreatedUser>,
        body::<rest::AdminRequest>,
        figures::<rest::Stats>,
        body::<rest::PublishKeyPackages>,
        body::<rest::KeyPackageStock>,
        body::<rest::ClaimKeyPackages>,
        body::<rest::ClaimedKeyPackages>,
        body::<rest::CreateGroup>,
        body::<rest::SubmitCommit>,
        body::<rest::CommitAccepted>,
        body::<rest::Groups>,
        body::<rest::GroupStateAt>,
        body::<rest::Problem>,
        body::<rest::Health>,
    ];
    let Some((which, text)) = input.split_first() else { return };
    // Letters, so that a corpus can be read.
    BODIES[usize::from(which.wrapping_sub(b'A')) % BODIES.len()](text);
}

fn body<T: DeserializeOwned + Serialize + Debug>(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(text) else { return };
    let written = serde_json::to_string(&value).expect("a body has text keys");
    let again: T = serde_json::from_str(&written).expect("what was written is read");
    assert_eq!(serde_json::to_string(&again).expect("a body has text keys"), written);
}

/// A body with fractions, which are read as one of the two nearest numbers.
fn figures<T: DeserializeOwned + Serialize>(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(text) else { return };
    let written = serde_json::to_string(&value).expect("a body has text keys");
    serde_json::from_str::<T>(&written).expect("what was written is read");
}

/// A configuration file: it is read, or the reason is told without quoting a value.
pub fn configuration(input: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), input).expect("a file");
    if let Err(error) = Config::load(&Source::Explicit(file.path().to_owned()), []) {
        assert!(!error.to_string().is_empty());
    }
}

/// The plain upload: `input` is the form, with the boundary `x`.
pub fn multipart(input: &[u8]) {
    server::with(|server| {
        let headers = signed(server, "content-type: multipart/form-data; boundary=x\r\n");
        let answer = server.request("POST", "/api/v1/files/upload", &headers, input);
        expect(&answer, &[200, 400, 413, 422, 429]);
        if let Some(file) = answer.json()["file_id"].as_str() {
            let path = format!("/api/v1/files/{file}");
            let stored = server.request("GET", &path, &signed(server, ""), b"");
            expect(&stored, &[200]);
            assert!(input.windows(stored.body.len().max(1)).any(|part| part == stored.body) || stored.body.is_empty());
            expect(&server.request("DELETE", &path, &signed(server, ""), b""), &[204]);
        }
    });
}

/// Resumable uploads: requests one after the other, with a line `---` between them. The first line of each is the
/// method, then come headers, and behind an empty line the body. They go to the upload that was made last.
pub fn resumable(input: &[u8]) {
    const ALL: &str = "/api/v1/files/uploads";
    server::with(|server| {
        let mut path = ALL.to_owned();
        for request in split(input, b"\n---\n").take(8) {
            let (head, body) = halves(request, b"\n\n");
            let head = String::from_utf8_lossy(head);
            let mut lines = head.lines();
            let method = match lines.next().unwrap_or_default() {
                "POST" => "POST",
                "PATCH" => "PATCH",
                "HEAD" => "HEAD",
                "DELETE" => "DELETE",
                "OPTIONS" => "OPTIONS",
                _ => "GET",
            };
            let headers: String = lines.filter(|line| is_header(line)).map(|line| format!("{line}\r\n")).collect();
            let to = if method == "POST" || method == "OPTIONS" { ALL } else { path.as_str() };
            let answer = server.request(method, to, &signed(server, &headers), body);
            assert!(answer.status < 500);
            if let Some(location) = answer.header("location") {
                location.clone_into(&mut path);
            }
        }
        if path != ALL {
            server.request("DELETE", &path, &signed(server, "tus-resumable: 1.0.0\r\n"), b"");
        }
    });
}

/// Bodies for groups and key packages, down to the database; the first byte chooses where to. The server does not look
/// into MLS. `@a` and `@b` stand for the devices of alice and bob.
pub fn groups(input: &[u8]) {
    const PATHS: [&str; 5] = [
        "/api/v1/groups",
        "/api/v1/groups/AQEBAQEBAQEBAQEBAQEBAQ/commits",
        "/api/v1/key-packages",
        "/api/v1/users/bob/key-packages/claim",
        "/api/v1/messages/ack",
    ];
    let Some((which, text)) = input.split_first() else { return };
    let path = PATHS[usize::from(which.wrapping_sub(b'A')) % PATHS.len()];
    server::with(|server| {
        let text = String::from_utf8_lossy(text).replace("@a", &server.alice.device).replace("@b", &server.bob.device);
        let answer =
            server.request("POST", path, &signed(server, "content-type: application/json\r\n"), text.as_bytes());
        expect(&answer, &[200, 204, 400, 403, 404, 409, 413, 422, 429]);
        for path in ["/api/v1/groups", "/api/v1/groups/AQEBAQEBAQEBAQEBAQEBAQ/state"] {
            expect(&server.request("GET", path, &signed(server, ""), b""), &[200, 403, 404]);
        }
    });
}

/// Headers of a download, line by line: ranges, conditions, and what a proxy writes about the client.
pub fn headers(input: &[u8]) {
    const NAMES: [&str; 8] = [
        "range",
        "if-range",
        "if-none-match",
        "if-match",
        "if-modified-since",
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
    ];
    let text = String::from_utf8_lossy(input);
    server::with(|server| {
        let mut headers = String::new();
        for (name, value) in NAMES.into_iter().zip(text.lines()).filter(|(_, value)| !value.is_empty()) {
            if is_header(&format!("{name}: {value}")) {
                headers.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let file = server.file();
        let answer = server.request("GET", &format!("/api/v1/files/{file}"), &signed(server, &headers), b"");
        expect(&answer, &[200, 206, 304, 400, 412, 416]);
        match answer.status {
            200 => assert_eq!(answer.body, server::FILE),
            206 => assert!(server::FILE.windows(answer.body.len()).any(|part| part == answer.body)),
            _ => {}
        }
    });
}

fn signed(server: &Server, headers: &str) -> String {
    format!("authorization: Bearer {}\r\n{headers}", server.alice.token)
}

#[track_caller]
fn expect(answer: &Answer, statuses: &[u16]) {
    assert!(statuses.contains(&answer.status), "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
}

/// A line that is one header, and none that changes how the request is read.
fn is_header(line: &str) -> bool {
    let Some((name, value)) = line.split_once(':') else { return false };
    let framing = ["content-length", "transfer-encoding", "connection", "expect", "upgrade", "host", "te", "trailer"];
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        && !framing.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn halves<'a>(bytes: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    match bytes.windows(at.len()).position(|window| window == at) {
        Some(index) => (&bytes[..index], &bytes[index + at.len()..]),
        None => (bytes, &[]),
    }
}

fn split<'a>(mut bytes: &'a [u8], at: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut parts = Vec::new();
    while let Some(index) = bytes.windows(at.len()).position(|window| window == at) {
        parts.push(&bytes[..index]);
        bytes = &bytes[index + at.len()..];
    }
    parts.push(bytes);
    parts.into_iter()
}
