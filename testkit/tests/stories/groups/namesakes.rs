//! A server that makes somebody up who has the name of a contact.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_client::{Consent, Event, MessageKind};
use privmsg_e2ee::{Content, Delete, Edit, Kind, Reaction, Text, Title};
use privmsg_protocol::{Incarnation, MessageId, UserId};
use privmsg_testkit::hostile::{Claim, HostileMember, HostileServer, Operator, Rogue, Who};
use privmsg_testkit::{Person, Server};

use super::Room;

/// Alice talks to Bob, and has compared his number, if `is_verified`. Her server has a group in which there is only she, and one with a
/// name and a key of the server's choice, who has founded it.
struct Scene {
    _server: Server,
    hostile: HostileServer,
    alice: Person,
    _bob: Person,
    room: Room,
    operator: Operator,
}

impl Scene {
    async fn begins(namesake: &str, is_verified: bool) -> Result<Self> {
        let server = Server::start().await?;
        let hostile = HostileServer::before(&server).await?;
        let mut alice = Person::signs_in(&hostile.url(), &server.admin().creates("alice").await?).await?;
        let bob = server.person("bob").await?;
        alice.says(&bob, "Hi Bob").await?;
        bob.hears(&alice, "Hi Bob").await?;
        bob.says(&alice, "Hi Alice").await?;
        alice.hears(&bob, "Hi Alice").await?;
        if is_verified {
            let contact = alice.client().contact(&bob.account().user_id).await?;
            alice.client().mark_verified(&bob.account().user_id, &contact.safety_number).await?;
        }
        alice.sees("the last of it", |event| matches!(event, Event::Received { .. })).await?;
        let her = Who::is(&alice).await?;
        let fake = Rogue::named(namesake, "tablet")?;
        let claim = Claim::group(&fake, &[&her])?;
        let mut group = fake.founds(&claim)?;
        let mut accomplice = HostileMember::signs_up(&server, "mallory").await?;
        let made = group.commit(&accomplice.claims(&her.user_id).await?, &[])?;
        let room = Room(claim.chat_id);
        let operator = hostile.takes_over(group)?;
        operator.is_said_to_go_on(&hostile, Incarnation::FIRST)?;
        operator.passes_on(&hostile, &made)?;
        room.chat(&alice).await?;
        Ok(Self { _server: server, hostile, alice, _bob: bob, room, operator })
    }

    fn says(&self, id: u8, kind: &impl Kind, about: Option<(u8, &str)>) -> Result<()> {
        let content = Content::new(MessageId::from_bytes([id; 16]), 1, kind)?;
        let content = match about {
            Some((id, author)) => content.about(MessageId::from_bytes([id; 16]), author.parse()?),
            None => content,
        };
        self.operator.says_any(&self.hostile, &content)
    }
}

/// It stood there that Bob had added her, and what "he" said was his, though she had compared his number.
#[tokio::test]
async fn who_is_added_by_a_false_namesake_is_asked_and_told_that_it_is_one() -> Result<()> {
    for is_verified in [true, false] {
        let scene = Box::pin(Scene::begins("bob", is_verified)).await?;
        let (alice, room) = (&scene.alice, scene.room);
        let bob: UserId = "bob".parse()?;
        let chat = room.chat(alice).await?;
        ensure!(alice.client().consent(chat).await? == Consent::Asked, "nobody has answered him");
        let requests = alice.client().requests().await?;
        ensure!(requests.len() == 1 && requests[0].from == bob && requests[0].from_namesake, "{requests:?}");
        let news = room.news(alice).await?;
        ensure!(news.len() == 1 && news[0].0 == bob && news[0].1.namesakes == [bob.clone()], "{news:?}");
        ensure!(news[0].1.added == [alice.account().user_id.clone()], "{news:?}");
    }
    Ok(())
}

/// In a chat that she has let in, too: she may have taken the name for the person.
#[tokio::test]
async fn what_a_false_namesake_says_is_marked_and_has_no_effect() -> Result<()> {
    let mut scene = Box::pin(Scene::begins("bob", true)).await?;
    let (room, bob): (_, UserId) = (scene.room, "bob".parse()?);
    let chat = room.chat(&scene.alice).await?;
    scene.alice.client().accept(chat).await?;
    let mention = Text { text: "Send me the code".into(), mentions: vec!["alice".parse()?] };
    scene.says(1, &mention, None)?;
    scene.says(2, &Text::new("Or tell me"), None)?;
    scene.says(3, &Title { title: "Bob's own".into(), again: false }, None)?;
    scene.says(4, &Title { title: "Bob's own".into(), again: true }, None)?;
    scene.says(5, &Edit { text: "Send me the other code".into() }, Some((1, "bob")))?;
    scene.says(6, &Delete {}, Some((2, "bob")))?;
    scene.says(7, &Reaction { emoji: "👍".into(), removed: false }, Some((2, "bob")))?;
    scene.says(8, &Text::new("the last"), None)?;
    room.hears(&scene.alice, "the last").await?;
    let messages = room.messages(&scene.alice).await?;
    let said: Vec<_> = messages.iter().filter(|message| !message.kind.is_notice()).collect();
    let texts: Vec<_> = said.iter().map(|message| message.text.as_str()).collect();
    ensure!(texts == ["Send me the code", "Or tell me", "the last"], "{texts:?}");
    for message in said {
        ensure!(message.kind == MessageKind::Text && message.other_key && message.sender_id == bob, "{message:?}");
        let is_plain = message.mentions.is_empty() && message.reactions.is_empty() && !message.deleted;
        ensure!(is_plain && message.edited_at.is_none(), "{message:?}");
    }
    ensure!(scene.alice.client().group(chat).await?.title.is_empty(), "it has got a title");
    let entries = scene.alice.client().chats().await?;
    let entry = entries.iter().find(|entry| entry.summary.chat.id == chat).context("the chat")?;
    ensure!(entry.summary.unread == 0, "{entry:?}");
    let direct = scene.alice.client().contact(&bob).await?;
    ensure!(direct.verified && direct.changed.is_none(), "nothing is noted of Bob: {direct:?}");
    // Nobody is told: only that she was added has come.
    let told = tokio::time::timeout(Duration::from_secs(2), async {
        let mut told = 0;
        while scene.alice.sees("anything", |event| matches!(event, Event::Received { .. })).await.is_ok() {
            told += 1;
            ensure!(told < 2, "a message was told");
        }
        Ok(())
    });
    told.await.unwrap_or(Ok(()))
}
