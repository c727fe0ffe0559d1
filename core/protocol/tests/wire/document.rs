//! `docs/protocol.md` names everything that is on the wire, and gives each error its status.

use std::path::Path;

use privmsg_protocol::ErrorCode;
use privmsg_protocol::error::Retry;
use privmsg_protocol::frames::MessageType;
use privmsg_protocol::rest::ENDPOINTS;

use crate::{client_frames, server_frames};

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    std::fs::read_to_string(path).unwrap()
}

/// Collects what is missing, so that one run shows all of it.
fn assert_lines(expected: impl Iterator<Item = String>) {
    let document = document();
    let missing: Vec<_> = expected.filter(|begin| !document.lines().any(|line| line.starts_with(begin))).collect();
    assert!(missing.is_empty(), "no line of docs/protocol.md begins with: {missing:#?}");
}

#[test]
fn has_every_error_with_its_status_and_what_to_do() {
    assert_lines(ErrorCode::ALL.iter().map(|code| {
        let retry = match code.retry() {
            Retry::Never => "no",
            Retry::Later => "later",
            Retry::AfterCatchUp => "after catching up",
        };
        format!("| `{code}` | {} | {retry} |", code.http_status())
    }));
}

#[test]
fn has_no_error_that_does_not_exist() {
    let document = document();
    let (_, errors) = document.split_once("\n## Errors\n").unwrap();
    let (errors, _) = errors.split_once("\n## ").unwrap();
    let rows = errors.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, ErrorCode::ALL.len());
}

#[test]
fn has_every_endpoint() {
    assert_lines(ENDPOINTS.iter().map(|(method, path)| format!("| `{method} {path}` |")));
}

#[test]
fn has_every_frame_and_message_type() {
    assert_lines(
        client_frames::TYPES
            .iter()
            .map(|name| format!("| → | `{name}` |"))
            .chain(server_frames::TYPES.iter().map(|name| format!("| ← | `{name}` |"))),
    );
    let document = document();
    for kind in MessageType::ALL {
        assert!(document.contains(&format!("`{}`", kind.as_str())), "{kind:?}");
    }
}

/// The examples are the bytes that the snapshots pin.
#[test]
fn its_examples_are_real_frames() {
    let document = document();
    let mut examples = 0;
    for line in document.lines() {
        if let Some(frame) = line.strip_prefix("→ ") {
            examples += 1;
            privmsg_protocol::frames::ClientFrame::parse(frame).expect(line);
        } else if let Some(frame) = line.strip_prefix("← ") {
            examples += 1;
            privmsg_protocol::frames::ServerFrame::parse(frame).expect(line);
        }
    }
    assert!(examples >= 5, "{examples} examples");
}
