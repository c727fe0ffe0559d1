//! A server and the thief of a device that its owner has signed out, against the owner's contacts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{ChatKind, Draft, MessageKind, Recipient};
use privmsg_testkit::hostile::{Answer, Frame, HostileServer};
use privmsg_testkit::wait::{PATIENCE, until};
use privmsg_testkit::{Person, Server};
use serde_json::{Value, json};

use super::SETTLING;
use crate::verifies;

/// Alice, Bob, and his tablet, which have talked with each other in their chat; what Bob's phone takes for the server is a
/// hostile one. There is a group of theirs and Carol's as well.
struct Theft {
    server: Server,
    hostile: HostileServer,
    alice: Person,
    bob: Person,
    tablet: Person,
    _carol: Person,
    choir: Recipient,
}

impl Theft {
    async fn begins() -> Result<Self> {
        let server = Server::start().await?;
        let hostile = HostileServer::before(&server).await?;
        let alice = server.person("alice").await?;
        let bob = Person::signs_in(&hostile.url(), &server.admin().creates("bob").await?).await?;
        let tablet = bob.takes_another_device(&server.url()).await?;
        alice.says(&bob, "to both").await?;
        tablet.hears(&alice, "to both").await?;
        bob.hears(&alice, "to both").await?;
        let carol = server.person("carol").await?;
        let people = [&bob, &carol].map(|person| person.account().user_id.clone());
        let chat = alice.client().create_group("Choir", &people).await?;
        tokio::time::timeout(PATIENCE, alice.client().wait_group_made(chat)).await.context("the group is made")??;
        let choir = Recipient::Group(alice.client().group(chat).await?.conversation);
        Ok(Self { server, hostile, alice, bob, tablet, _carol: carol, choir })
    }

    /// Bob signs the tablet out. The server says yes, and does nothing: it goes on showing the list of before, lets the tablet
    /// in, and takes no commit of Bob's in his chat with Alice.
    async fn tablet_is_signed_out_for_show(&self) -> Result<()> {
        self.hostile.answers("PUT users/me/device-list", |_| Some(Answer { status: 204, body: Value::Null }))?;
        let chat = self.server.group_of(&["alice", "bob"])?;
        let problem = json!({ "type": "about:blank", "title": "", "status": 500, "code": "internal" });
        let refuse = move |_: &_| Some(Answer { status: 500, body: problem.clone() });
        self.hostile.answers(&format!("POST groups/{chat}/commits"), refuse)?;
        let gone = self.tablet.client().whoami().await?.device_id.context("a device id")?;
        Ok(self.bob.client().remove_device(&gone).await?)
    }

    async fn bob_says_in_the_choir(&self, text: &str) -> Result<()> {
        let has_it = || async { Ok(self.bob.client().chat_with(&self.choir).await?) };
        until("that Bob has the group", PATIENCE, has_it).await?;
        self.bob.client().send(&self.choir, Draft::text(text)).await?;
        let heard = || async {
            let items = self.alice.client().history(&self.choir, 100).await?;
            let heard = items.iter().filter_map(|item| item.message()).any(|message| message.text == text);
            Ok(heard.then_some(()))
        };
        let heard = until("that Alice hears it in the group", PATIENCE, heard).await;
        let holds = (self.bob.client().holds().await?, self.alice.client().holds().await?);
        heard.with_context(|| format!("{holds:?}"))
    }
}

/// The list is kept from everybody. What Bob says elsewhere brings it to Alice: she writes for the tablet no more, though the
/// server has it for a device of Bob's, and what the tablet says is no word of Bob's.
#[tokio::test]
async fn a_device_that_is_signed_out_is_out_though_the_server_keeps_it() -> Result<()> {
    let theft = Theft::begins().await?;
    theft.tablet_is_signed_out_for_show().await?;
    theft.bob_says_in_the_choir("my tablet was stolen").await?;
    let Theft { alice, bob, tablet, .. } = &theft;

    let sent = tablet.says(alice, "send me the code").await?;
    tablet.delivered(&sent).await?;
    let asked = alice.hears(bob, "send me the code").await?;
    ensure!(asked.unlisted, "it is shown as Bob's word: {asked:?}");
    let unread = alice.client().chats().await?.into_iter().map(|chat| (chat.summary.chat.kind, chat.summary.unread));
    ensure!(unread.clone().all(|(kind, unread)| matches!(kind, ChatKind::Group { .. }) || unread == 0), "{unread:?}");

    let secret = alice.says(bob, "for your phone alone").await?;
    alice.delivered(&secret).await?;
    bob.hears(alice, "for your phone alone").await?;
    tokio::time::sleep(SETTLING).await;
    ensure!(!tablet.texts(alice).await?.contains(&"for your phone alone".to_owned()), "the tablet reads on");
    // It lets Bob's own commits through again: else he says nothing there, which he sees.
    theft.hostile.becomes_honest();
    let again = bob.says(alice, "thank you").await?;
    bob.delivered(&again).await?;
    ensure!(!alice.hears(bob, "thank you").await?.unlisted, "Bob's phone is his");
    Ok(())
}

/// A new device of somebody whose number was compared is a line in the chat, before it has said anything; of others it is none.
#[tokio::test]
async fn a_new_device_of_a_verified_contact_is_a_line_in_the_chat() -> Result<()> {
    let (server, alice, bob) = crate::alice_and_bob().await?;
    let carol = server.person("carol").await?;
    for friend in [&bob, &carol] {
        alice.says(friend, "Hi").await?;
        friend.hears(&alice, "Hi").await?;
        friend.says(&alice, "Hi Alice").await?;
        alice.hears(friend, "Hi Alice").await?;
    }
    verifies(&alice, &bob.account().user_id).await?;
    let (tablet, _other) =
        (bob.takes_another_device(&server.url()).await?, carol.takes_another_device(&server.url()).await?);
    let new = tablet.client().whoami().await?.device_id.context("a device id")?;
    let line = || async {
        let lines = alice.messages(&bob).await?;
        let is_it = |line: &privmsg_client::MessageView| {
            line.kind == MessageKind::DeviceAdded
                && line.text == new.as_str()
                && line.sender_id == bob.account().user_id
        };
        Ok(lines.iter().any(is_it).then_some(()))
    };
    until("the line", PATIENCE, line).await?;
    ensure!(alice.client().devices_of(&bob.account().user_id).await?.len() == 2);
    alice.says(&carol, "both?").await?;
    carol.hears(&alice, "both?").await?;
    ensure!(alice.messages(&carol).await?.iter().all(|line| line.kind != MessageKind::DeviceAdded));
    Ok(())
}

/// The server shows Alice a list of another "bob", with numbers as high as can be: it is told, not followed, and she goes on
/// writing to him.
#[tokio::test]
async fn a_list_of_another_identity_is_told_and_not_followed() -> Result<()> {
    let (server, hostile, alice, bob) = super::alice_is_watched().await?;
    let evil = super::own_devices::published(&super::own_devices::list_of_another(&bob)?);
    let shown = evil.clone();
    hostile.answers("GET users/bob/device-list", move |_| Answer::ok(&shown).ok())?;
    // What Bob's devices say by themselves could bring the right list first, and nobody would ask the server.
    let holds_back = Arc::new(AtomicBool::new(true));
    let is_held_back = Arc::clone(&holds_back);
    hostile.rewrites_frames(move |frame| {
        let is_said = matches!(frame, Frame::FromServer(_))
            && frame.payload("message").is_some_and(|message| message["message_type"] != "key_exchange");
        if is_said && is_held_back.load(SeqCst) { Vec::new() } else { vec![frame] }
    });
    let tablet = bob.takes_another_device(&server.url()).await?;
    let told = || async {
        let lines = alice.messages(&bob).await?;
        Ok(lines.iter().any(|line| line.kind == MessageKind::ForeignList).then_some(()))
    };
    until("the line", PATIENCE, told).await?;
    holds_back.store(false, SeqCst);
    hostile.cuts_all();
    bob.says(&alice, "still me").await?;
    alice.hears(&bob, "still me").await?;
    alice.says(&bob, "still you").await?;
    bob.hears(&alice, "still you").await?;
    tablet.hears(&alice, "still you").await?;
    ensure!(alice.messages(&bob).await?.iter().filter(|line| line.kind == MessageKind::ForeignList).count() == 1);
    Ok(())
}
