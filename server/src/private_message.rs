//! What can be seen of a group message from outside: the head of an MLS `PrivateMessage` (RFC 9420, sections 6 and 6.3).
//!
//! It says of which group and epoch the message is. What says something else than the envelope is nobody's message: receivers
//! would keep it for an epoch that does not come, and believe that they have missed something.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privmsg_protocol::{Epoch, GroupId, Opaque};

/// `mls10`, and then `mls_private_message`.
const KIND: [u8; 4] = [0, 1, 0, 2];

/// Bytes of the length of a group's id, the id and the epoch behind it, and the content's type.
const LEN: usize = KIND.len() + 1 + 16 + 8 + 1;

/// What members say, in place of proposals and commits.
const APPLICATION: u8 = 1;

/// Whether a content is a message of this group and epoch, as far as its head says.
pub(crate) fn is_of(content: &Opaque, group_id: GroupId, epoch: Epoch) -> bool {
    // Thirty bytes, in forty characters without padding.
    let head = content.as_str().get(..LEN.div_ceil(3) * 4);
    let head = head.and_then(|text| STANDARD.decode(text).ok());
    head.is_some_and(|bytes| bytes.starts_with(&head_of(group_id, epoch)))
}

fn head_of(group_id: GroupId, epoch: Epoch) -> [u8; LEN] {
    let mut head = [0; LEN];
    head[..4].copy_from_slice(&KIND);
    head[4] = 16;
    head[5..21].copy_from_slice(group_id.as_bytes());
    head[21..29].copy_from_slice(&epoch.0.to_be_bytes());
    head[29] = APPLICATION;
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_itself_is_what_it_is_sent_as() {
        let (group, other) = (GroupId::from_bytes([7; 16]), GroupId::from_bytes([8; 16]));
        let mut bytes = head_of(group, Epoch(300)).to_vec();
        assert!(is_of(&Opaque::encode(&bytes), group, Epoch(300)));
        bytes.extend_from_slice(b"the rest is nobody's to see");
        assert!(is_of(&Opaque::encode(&bytes), group, Epoch(300)));
        assert!(!is_of(&Opaque::encode(&bytes), other, Epoch(300)));
        assert!(!is_of(&Opaque::encode(&bytes), group, Epoch(301)));
        for at in [1, 3, 4, 29] {
            let mut wrong = bytes.clone();
            wrong[at] ^= 3;
            assert!(!is_of(&Opaque::encode(&wrong), group, Epoch(300)), "{at}");
        }
        for short in [&bytes[..0], &bytes[..28]] {
            assert!(!is_of(&Opaque::encode(short), group, Epoch(300)));
        }
        assert!(!is_of(&Opaque::from_base64("ж".repeat(40)), group, Epoch(300)));
    }
}
