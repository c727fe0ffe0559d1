//! Outgoing `message` frames as finished text. A message is serialised once, stored as it will be sent, and shared by
//! all of its recipients.

use bytes::Bytes;
use privmsg_protocol::Seq;
use privmsg_protocol::frames::{DeliveredMessage, ServerFrame};

/// What every such frame begins with. A test holds it against the serialiser.
const HEAD: &str = r#"{"type":"message","payload":{"#;

/// Room for everything in a frame but the content.
const OVERHEAD: usize = 512;

/// Serialises the frame of `message`.
pub(crate) fn render(message: DeliveredMessage) -> String {
    let mut text = Vec::with_capacity(message.encrypted_content.len() + OVERHEAD);
    serde_json::to_writer(&mut text, &ServerFrame::Message(message))
        .expect("frames have string keys and no failing serialisers");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Adds the place in the group's history, which is known only in the transaction that stores the message.
pub(crate) fn with_seq(frame: &str, seq: Seq) -> String {
    debug_assert!(frame.starts_with(HEAD));
    let (head, rest) = frame.split_at(HEAD.len());
    let mut text = String::with_capacity(frame.len() + 28);
    text.push_str(head);
    text.push_str("\"seq\":");
    text.push_str(&seq.to_string());
    text.push(',');
    text.push_str(rest);
    text
}

/// The payload of a stored frame, for the REST answer that lists messages.
pub(crate) fn payload(frame: &Bytes) -> Option<&str> {
    let text = std::str::from_utf8(frame).ok()?;
    text.get(HEAD.len() - 1..text.len().checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use privmsg_protocol::frames::MessageType;
    use privmsg_protocol::{Epoch, GroupId, MessageId, Opaque, UserId};

    fn message() -> DeliveredMessage {
        DeliveredMessage {
            message_id: MessageId::from_bytes([7; 16]),
            sender_id: UserId::new("alice").unwrap(),
            sender_device_id: None,
            recipient_id: None,
            group_id: Some(GroupId::from_bytes([1; 16])),
            epoch: Some(Epoch(3)),
            seq: None,
            first_seq: None,
            encrypted_content: Opaque::encode(b"hello"),
            message_type: MessageType::Text,
            timestamp: 5,
        }
    }

    #[test]
    fn a_numbered_frame_is_the_message_with_its_number() {
        let text = with_seq(&render(message()), Seq(42));
        let expected = DeliveredMessage { seq: Some(Seq(42)), ..message() };
        assert_eq!(ServerFrame::parse(&text).unwrap(), ServerFrame::Message(expected));
    }

    #[test]
    fn the_payload_is_cut_out_whole() {
        let frame = Bytes::from(render(message()));
        let parsed: DeliveredMessage = serde_json::from_str(payload(&frame).unwrap()).unwrap();
        assert_eq!(parsed, message());
        assert_eq!(payload(&Bytes::from_static(b"{}")), None);
    }
}
