//! Errors keep why something was refused.

use std::error::Error;

use privmsg_e2ee::{ClaimedKeyPackage, Conversation, JoinError, ProcessError};

use crate::people::{direct, now, open_chat, person};

fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).map(ToString::to_string).collect()
}

#[test]
fn what_is_refused_says_why() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let mut message = phone.encrypt("hello");
    let last = message.len() - 1;
    message[last] ^= 1;
    let error = bobs.process(&message).unwrap_err();
    assert_eq!(chain(&error)[..2], ["message rejected", "invalid by RFC 9420"]);
    assert!(chain(&error).len() > 2, "{:?}", chain(&error));

    let error: ProcessError = bobs.process(&message[..last]).unwrap_err();
    assert_eq!(chain(&error), ["malformed message of a group", "EndOfStream"]);
    let error: JoinError = Conversation::join(&bobs.provider(), &message, &[], None).unwrap_err();
    assert_eq!(chain(&error), ["malformed welcome"], "it is another message");
    let error = ClaimedKeyPackage::validate(&[0], bobs.user_id(), bobs.device_id(), now()).unwrap_err();
    assert_eq!(chain(&error)[0], "malformed key package");
}
