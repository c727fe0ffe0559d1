//! Telling WebSocket frames (RFC 6455, section 5.2) apart in a stream of bytes.

use std::sync::atomic::{AtomicBool, Ordering};

/// Cuts one direction of a connection into pieces.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    buffer: Vec<u8>,
    stage: Stage,
    /// The whole connection speaks WebSocket; noted when its request goes by.
    websocket: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has gone by yet.
    #[default]
    Start,
    /// The head of the upgrade.
    Head,
    /// Frames follow.
    Frames,
    /// Something else than WebSocket.
    Other,
}

/// Bytes that are forwarded together.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Vec<u8>,
    frame: bool,
}

impl Splitter {
    /// Takes what was read. `websocket` is shared by both directions: the request, which comes first, sets it.
    pub(super) fn push(&mut self, bytes: &[u8], websocket: &AtomicBool) {
        self.buffer.extend_from_slice(bytes);
        if self.stage == Stage::Start {
            if self.buffer.starts_with(b"GET /ws ") {
                websocket.store(true, Ordering::SeqCst);
            }
            self.websocket = websocket.load(Ordering::SeqCst);
            self.stage = if self.websocket { Stage::Head } else { Stage::Other };
        }
    }

    /// The next piece, if it is complete.
    pub(super) fn next(&mut self) -> Option<Piece> {
        let frame = self.stage == Stage::Frames;
        let len = match self.stage {
            Stage::Start => return None,
            Stage::Other => self.buffer.len(),
            Stage::Head => {
                let len = self.buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
                self.stage = Stage::Frames;
                len
            }
            Stage::Frames => frame_len(&self.buffer)?,
        };
        if len == 0 || len > self.buffer.len() {
            return None;
        }
        let rest = self.buffer.split_off(len);
        Some(Piece { bytes: std::mem::replace(&mut self.buffer, rest), frame })
    }
}

/// Length of the frame at the front, head and payload; `None` while its head is not complete.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    let (head, payload) = head_and_payload_len(bytes)?;
    head.checked_add(payload)
}

fn head_and_payload_len(bytes: &[u8]) -> Option<(usize, usize)> {
    let second = *bytes.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    match second & 0x7f {
        126 => {
            let len = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
            Some((4 + mask, usize::from(len)))
        }
        127 => {
            let len = u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?);
            Some((10 + mask, usize::try_from(len).ok()?))
        }
        len => Some((2 + mask, usize::from(len))),
    }
}

impl Piece {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether this is a whole `message` or `ack`: what a client or server may send twice after a reconnect.
    pub(super) fn is_repeatable(&self) -> bool {
        const WHOLE_TEXT: u8 = 0x81;
        if !self.frame || self.bytes.first() != Some(&WHOLE_TEXT) {
            return false;
        }
        let Some((head, _)) = head_and_payload_len(&self.bytes) else { return false };
        let masked = self.bytes.get(1).is_some_and(|second| second & 0x80 != 0);
        let key = if masked { self.bytes.get(head - 4..head).unwrap_or(&[0; 4]) } else { &[0; 4] };
        let begins_with = |text: &[u8]| {
            self.bytes.len() >= head + text.len()
                && text.iter().enumerate().all(|(i, byte)| self.bytes[head + i] ^ key[i % 4] == *byte)
        };
        begins_with(br#"{"type":"message""#) || begins_with(br#"{"type":"ack""#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> Vec<u8> {
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap(), 1, 2, 3, 4];
        frame.extend(text.bytes().enumerate().map(|(i, byte)| byte ^ [1, 2, 3, 4][i % 4]));
        frame
    }

    #[test]
    fn frames_are_told_apart_wherever_the_bytes_are_cut() {
        let websocket = AtomicBool::new(false);
        let mut stream = b"GET /ws HTTP/1.1\r\n\r\n".to_vec();
        stream.extend(masked(r#"{"type":"message"}"#));
        stream.extend(masked(r#"{"type":"ping"}"#));
        let mut splitter = Splitter::default();
        let mut pieces = Vec::new();
        splitter.push(&stream[..8], &websocket);
        for byte in &stream[8..] {
            splitter.push(&[*byte], &websocket);
            pieces.extend(std::iter::from_fn(|| splitter.next()));
        }
        assert_eq!(pieces.iter().map(|piece| piece.is_repeatable()).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(pieces.concat_bytes(), stream);
    }

    #[test]
    fn other_traffic_goes_by_as_it_is() {
        let mut splitter = Splitter::default();
        splitter.push(b"POST / HTTP/1.1\r\n", &AtomicBool::new(false));
        assert_eq!(splitter.next().unwrap().bytes(), b"POST / HTTP/1.1\r\n");
        assert!(splitter.next().is_none());
    }

    trait Concat {
        fn concat_bytes(&self) -> Vec<u8>;
    }

    impl Concat for Vec<Piece> {
        fn concat_bytes(&self) -> Vec<u8> {
            self.iter().flat_map(|piece| piece.bytes.clone()).collect()
        }
    }
}
