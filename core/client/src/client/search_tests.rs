//! What alice finds of what she, bob and carol have said, and what she does not.

use std::num::NonZeroU32;
use std::sync::Arc;

use privmsg_e2ee::attachment::AttachmentKey;
use privmsg_e2ee::{Attachment, Content, Delete, Edit, Files, Text};
use privmsg_protocol::{ConversationId, DeviceId, FileId, GroupId, MessageId, Seq, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::consent::{self, Decided, Decision};
use privmsg_store::messages::{self, Direction};
use privmsg_store::position::Place;
use privmsg_store::{StoreError, Tx, account, blocks, groups, outbox, relations, search as stored};

use super::Look;
use crate::client::Client;
use crate::clock::{Clock as _, Hand};
use crate::content::{Said, apply, store_unlisted};
use crate::error::ClientError;
use crate::identity::signed_in_account;
use crate::profile::Profile;
use crate::search::words::Terms;
use crate::search::{Found, Search, Sought};
use crate::sending::{Draft, Recipient};
use crate::{KeyPlace, Page};

/// Carries the group.
const GROUP: GroupId = GroupId::from_bytes([1; 16]);

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn id(n: u8) -> MessageId {
    MessageId::from_bytes([n; 16])
}

/// A profile of alice's, with a group in which bob and carol are.
struct World {
    _dir: tempfile::TempDir,
    clock: Arc<Hand>,
    alice: Client,
    group: ChatId,
    seq: std::cell::Cell<u64>,
}

impl World {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let profile = Profile::at(dir.path().join("profile"));
        profile.create(KeyPlace::File, None).unwrap();
        let store = profile.open_store(None).unwrap();
        let begin = |tx: &Tx<'_>| {
            account::save(tx, &signed_in_account(user("alice")))?;
            let conversation = ConversationId::from_bytes([5; 32]);
            let chat = chats::ensure(tx, &ChatKind::Group { conversation }, 1)?;
            groups::insert(tx, &GROUP, chat, &[], groups::GroupState::Active, 0)?;
            Ok::<_, StoreError>(chat)
        };
        let group = store.write(begin).await.unwrap();
        let clock = Arc::new(Hand::default());
        let alice = Client::open_with(&profile, None, clock.clone()).await.unwrap();
        Self { _dir: dir, clock, alice, group, seq: std::cell::Cell::new(0) }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>) -> Result<T, ClientError> + Send + 'static,
    ) -> T {
        self.alice.context().store.write(work).await.unwrap()
    }

    /// Somebody says something in a chat.
    async fn hear_in(&self, chat: ChatId, sender: &str, content: Content) {
        let (seq, now) = (self.seq.get() + 1, self.clock.now_ms());
        self.seq.set(seq);
        let sender = user(sender);
        self.write(move |tx| said_by(&sender, chat, seq, &content, now, |said| apply(tx, said).map(drop))).await;
    }

    async fn hear(&self, sender: &str, content: Content) {
        self.hear_in(self.group, sender, content).await;
    }

    async fn says(&self, sender: &str, n: u8, text: &str) {
        self.hear(sender, content(n, &Text::new(text))).await;
    }

    async fn chat_with(&self, peer: &str) -> ChatId {
        let peer = user(peer);
        self.write(move |tx| Ok(chats::ensure(tx, &ChatKind::Direct { peer }, 1)?)).await
    }

    async fn look(&self, search: &Search) -> Found {
        self.alice.search(search, None, 100).await.unwrap()
    }

    /// The ids of what is found, by their first byte.
    async fn found(&self, text: &str) -> Vec<u8> {
        ids(&self.look(&words(text)).await)
    }
}

fn said_by<T>(
    sender: &UserId,
    chat: ChatId,
    seq: u64,
    content: &Content,
    now_ms: i64,
    work: impl FnOnce(&Said<'_>) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let (sender_device, own) = (DeviceId::new("d").unwrap(), user("alice"));
    let bytes = content.encode()?;
    work(&Said {
        chat,
        place: Place::Numbered { group: GROUP, seq: Seq(seq) },
        sender,
        sender_device: &sender_device,
        sender_key: None,
        own: &own,
        direction: Direction::Incoming,
        content,
        bytes: &bytes,
        now_ms,
    })
}

fn content(n: u8, kind: &impl privmsg_e2ee::Kind) -> Content {
    Content::new(id(n), u64::from(n) * 1000, kind).unwrap()
}

fn words(text: &str) -> Search {
    Search { text: text.to_owned(), ..Search::default() }
}

fn ids(found: &Found) -> Vec<u8> {
    found.hits.iter().map(|hit| hit.message.message_id.as_bytes()[0]).collect()
}

fn file(name: &str) -> Attachment {
    Attachment {
        file_id: FileId::new("f").unwrap(),
        key: AttachmentKey::from_bytes([7; 32]),
        name: name.to_owned(),
        mime: "application/pdf".to_owned(),
        size: 1,
        digest: [0; 32],
        voice: None,
        picture: None,
    }
}

const NOTHING: [u8; 0] = [];

#[tokio::test]
async fn words_are_found_by_their_beginnings_in_whatever_letters() {
    let world = World::new().await;
    world.says("bob", 1, "Привет, мир").await;
    world.says("bob", 2, "Под Ёлкой лежит crème brûlée").await;
    assert_eq!(world.found("прив").await, [1]);
    assert_eq!(world.found("МИР ПРИВ").await, [1]);
    assert_eq!(world.found("елк").await, [2]);
    assert_eq!(world.found("ёлкой creme BRULEE").await, [2]);
    assert_eq!(world.found("ивет").await, NOTHING);
    assert_eq!(world.found("привет елка").await, NOTHING);
    assert_eq!(world.found("п").await, [2, 1]);
}

/// What is written is no syntax, and neither is what is looked for.
#[tokio::test]
async fn nothing_hostile_is_an_error_or_finds_what_is_not_there() {
    let world = World::new().await;
    world.says("bob", 1, "\" OR words MATCH 'x' NEAR(secret*, 2) AND NOT {} ^a + -b : \0 🎉").await;
    world.says("bob", 2, "plain").await;
    for nothing in ["", "   ", "\"", "*", "\0", "()", "-", "\" * ^ :", "\u{301}\u{200d}"] {
        assert_eq!(world.found(nothing).await, NOTHING, "{nothing:?}");
    }
    for typed in ["near", "\"secret*\"", "NOT near", "words:match", "or \" and", "secret\0", "🎉", "x'"] {
        assert_eq!(world.found(typed).await, [1], "{typed:?}");
    }
    assert_eq!(world.found("plain OR secret").await, NOTHING, "all words must be there");
    assert_eq!(world.found("plain NOT secret").await, NOTHING);
    assert_eq!(world.found("pl*ain").await, NOTHING);
    assert_eq!(world.found("plain\"").await, [2]);
    assert_eq!(world.found(&"plain ".repeat(2_000)).await, [2]);
    assert_eq!(world.found(&"п".repeat(10_000)).await, NOTHING);
    let many: String = (0..3_000).map(|n| format!("{n}\"*\0 ")).collect();
    assert_eq!(world.found(&many).await, NOTHING);
}

#[tokio::test]
async fn what_is_found_is_what_its_author_wants_it_to_say() {
    let world = World::new().await;
    world.says("bob", 1, "the old words").await;
    assert_eq!(world.found("old").await, [1]);
    let edit = Edit { text: "a newer text".to_owned() };
    world.hear("bob", content(2, &edit).about(id(1), user("bob"))).await;
    assert_eq!(world.found("newer").await, [1]);
    assert_eq!(world.found("old").await, NOTHING);

    // Before the message: it was late.
    world.hear("bob", content(3, &Edit { text: "edited early".to_owned() }).about(id(4), user("bob"))).await;
    world.says("bob", 4, "as it was").await;
    assert_eq!(world.found("early").await, [4]);
    assert_eq!(world.found("was").await, NOTHING);
}

/// Carol edits and deletes what bob has said, in his name and in hers.
#[tokio::test]
async fn what_others_say_of_a_message_changes_nothing() {
    let world = World::new().await;
    world.says("bob", 1, "the real words").await;
    for (n, author) in [(2, "bob"), (3, "carol"), (4, "alice")] {
        world.hear("carol", content(n, &Edit { text: "forged".to_owned() }).about(id(1), user(author))).await;
        world.hear("carol", content(n + 10, &Delete {}).about(id(1), user(author))).await;
    }
    assert_eq!(world.found("real").await, [1]);
    assert_eq!(world.found("forged").await, NOTHING);
}

#[tokio::test]
async fn what_is_gone_is_found_no_more() {
    let world = World::new().await;
    world.says("bob", 1, "xylophone deleted").await;
    world.says("bob", 2, "quartz hidden").await;
    let expiring = content(3, &Text::new("zebra expired")).expires(NonZeroU32::new(10).unwrap());
    world.hear("bob", expiring).await;
    world.says("bob", 4, "deleted early").await;
    assert_eq!(world.found("deleted").await, [4, 1]);
    world.hear("bob", content(5, &Delete {}).about(id(1), user("bob"))).await;
    world.hear("bob", content(6, &Edit { text: "xylophone again".to_owned() }).about(id(1), user("bob"))).await;
    world.alice.delete_for_me(id(2)).await.unwrap();
    world.clock.advance(10_000);
    for word in ["xylophone", "quartz", "zebra"] {
        assert_eq!(world.found(word).await, NOTHING, "{word}");
    }
}

/// The deletion has not reached the server: the message looks deleted, and is there again if that is refused.
#[tokio::test]
async fn what_is_about_to_be_deleted_is_not_found() {
    let world = World::new().await;
    world.chat_with("bob").await;
    let sent = world.alice.send(&Recipient::User(user("bob")), Draft::text("mine")).await.unwrap();
    assert_eq!(world.look(&words("mine")).await.hits.len(), 1, "as soon as it is written");
    world
        .write(move |tx| {
            outbox::remove(tx, &sent.message_id)?;
            Ok(messages::set_sent(tx, sent.id, Place::Numbered { group: GROUP, seq: Seq(50) })?)
        })
        .await;
    let deletion = world.alice.delete(sent.message_id).await.unwrap().unwrap();
    assert_eq!(world.look(&words("mine")).await.hits.len(), 0);
    world.write(move |tx| Ok(relations::withdraw(tx, &deletion.message_id)?)).await;
    assert_eq!(world.look(&words("mine")).await.hits.len(), 1);
}

#[tokio::test]
async fn files_are_found_by_their_names_and_captions() {
    let world = World::new().await;
    let files = Files {
        caption: "The plans of Ёлкино".to_owned(),
        attachments: vec![file("House_v2.pdf"), file("b.txt")],
        mentions: Vec::new(),
    };
    world.hear("bob", content(1, &files)).await;
    world.says("bob", 2, "the house is old").await;
    assert_eq!(world.found("house").await, [2, 1]);
    assert_eq!(world.found("елкино pdf txt").await, [1]);
    let only = |kind, text: &str| Search { kind, ..words(text) };
    assert_eq!(ids(&world.look(&only(Sought::Files, "house")).await), [1]);
    assert_eq!(ids(&world.look(&only(Sought::Files, "")).await), [1], "all files");
    assert_eq!(ids(&world.look(&only(Sought::Files, "***")).await), NOTHING);
    assert_eq!(ids(&world.look(&only(Sought::Text, "house")).await), [2]);
    assert_eq!(world.found("\u{e000}files").await, NOTHING, "what stands for files is no word of anybody's");
    let hit = world.look(&only(Sought::Files, "v2")).await.hits.remove(0);
    assert_eq!((hit.excerpt.text.as_str(), hit.excerpt.file), ("House_v2.pdf", Some(0)));
    assert_eq!(hit.excerpt.found.first(), Some(&(6..8)));
    world.hear("bob", content(3, &Edit { text: String::new() }).about(id(1), user("bob"))).await;
    assert_eq!(world.found("plans").await, NOTHING, "its caption is gone");
    assert_eq!(world.found("v2").await, [1]);
}

#[tokio::test]
async fn what_is_kept_away_is_not_found_and_requests_only_where_one_looks() {
    let world = World::new().await;
    let chat = world.chat_with("dave").await;
    world.hear_in(chat, "dave", content(1, &Text::new("a word"))).await;
    let there = Search { chat: Some(chat), ..words("word") };
    assert_eq!(world.found("word").await, [1]);

    let kind = ChatKind::Direct { peer: user("dave") };
    let ask = kind.clone();
    world.write(move |tx| Ok(consent::ask(tx, &ask, &user("dave"))?)).await;
    assert_eq!(world.found("word").await, NOTHING, "nobody has accepted it");
    assert_eq!(ids(&world.look(&there).await), [1]);
    let decide = |open, at_ms| Decision { chat: kind.clone(), open, at_ms };
    let declined = decide(false, 1);
    world.write(move |tx| Ok(consent::decide(tx, &declined, Decided::Here)?)).await;
    assert_eq!(world.found("word").await, NOTHING);
    assert_eq!(ids(&world.look(&there).await), NOTHING, "it is declined");
    let open = decide(true, 2);
    world.write(move |tx| Ok(consent::decide(tx, &open, Decided::Here)?)).await;
    assert_eq!(world.found("word").await, [1]);

    world.write(|tx| Ok(blocks::set(tx, &user("dave"), true, 3)?)).await;
    assert_eq!(world.found("word").await, NOTHING, "he is blocked");
    assert_eq!(ids(&world.look(&there).await), [1], "what was said with him before is history");
    let asked = Decision { chat: kind.clone(), open: false, at_ms: 4 };
    world.write(move |tx| Ok(consent::decide(tx, &asked, Decided::Here)?)).await;
    assert_eq!(ids(&world.look(&there).await), NOTHING);
}

#[tokio::test]
async fn a_search_is_narrowed_by_chat_sender_and_time() {
    let world = World::new().await;
    let chat = world.chat_with("bob").await;
    world.says("bob", 1, "word").await;
    world.says("carol", 2, "word").await;
    world.hear_in(chat, "bob", content(3, &Text::new("word"))).await;
    let narrowed = |narrow: fn(&mut Search)| {
        let mut search = words("word");
        narrow(&mut search);
        search
    };
    assert_eq!(ids(&world.look(&Search { chat: Some(chat), ..words("word") }).await), [3]);
    assert_eq!(ids(&world.look(&narrowed(|search| search.sender = Some(user("bob")))).await), [3, 1]);
    assert_eq!(ids(&world.look(&narrowed(|search| search.from_ms = Some(2_000))).await), [3, 2]);
    assert_eq!(ids(&world.look(&narrowed(|search| search.until_ms = Some(2_000))).await), [1]);
}

/// What an unlisted device has said is shown with a mark, and found with it. Notices are not found.
#[tokio::test]
async fn what_is_marked_is_found_with_its_mark() {
    let world = World::new().await;
    let (group, now) = (world.group, world.clock.now_ms());
    world
        .write(move |tx| {
            let said = content(1, &Text::new("perhaps forged"));
            said_by(&user("bob"), group, 1, &said, now, |said| store_unlisted(tx, said))
        })
        .await;
    let found = world.look(&words("forged")).await;
    assert!(found.hits[0].message.unlisted);
}

#[tokio::test]
async fn pages_follow_each_other_whatever_comes_meanwhile() {
    let world = World::new().await;
    for n in 1..=7 {
        world.says("bob", n, "word").await;
    }
    let first = world.alice.search(&words("word"), None, 3).await.unwrap();
    assert_eq!(ids(&first), [7, 6, 5]);
    world.says("bob", 8, "word").await;
    world.hear("bob", content(9, &Delete {}).about(id(5), user("bob"))).await;
    let second = world.alice.search(&words("word"), first.next, 3).await.unwrap();
    assert_eq!(ids(&second), [4, 3, 2]);
    let third = world.alice.search(&words("word"), second.next, 3).await.unwrap();
    assert_eq!((ids(&third), third.next), (vec![1], None));
    assert_eq!(world.alice.search(&words("word"), None, 0).await.unwrap(), Found::default());
    // To where it stands.
    let hit = &second.hits[0].message;
    let around = world.alice.page(hit.chat.id, Page::Around(hit.cursor), 2).await.unwrap();
    assert!(around.iter().any(|item| item.message().is_some_and(|message| message.id == hit.id)));
}

/// Between writing the words down and looking, another process may have stored something.
#[tokio::test]
async fn a_hit_that_says_something_else_by_now_is_none() {
    let world = World::new().await;
    world.says("bob", 1, "the old words").await;
    assert_eq!(world.found("old").await, [1]);
    world.hear("bob", content(2, &Edit { text: "newer".to_owned() }).about(id(1), user("bob"))).await;
    let look = Look { terms: Terms::of("old"), search: words("old"), after: None, limit: 10 };
    let found = world.alice.read(move |at| look.at(at)).await.unwrap();
    assert_eq!(ids(&found), NOTHING);
}

#[tokio::test]
async fn many_messages_are_written_down_in_several_batches() {
    let world = World::new().await;
    let group = world.group;
    world
        .write(move |tx| {
            for n in 0..600u32 {
                let mut id = [9; 16];
                id[12..].copy_from_slice(&n.to_be_bytes());
                let text = Text::new(format!("number {n}"));
                let content = Content::new(MessageId::from_bytes(id), u64::from(n), &text)?;
                said_by(&user("bob"), group, n.into(), &content, 1, |said| apply(tx, said))?;
            }
            Ok(())
        })
        .await;
    assert_eq!(world.found("number 599").await.len(), 1);
    assert_eq!(world.alice.search(&words("number"), None, 1_000).await.unwrap().hits.len(), 600);
    assert!(!world.alice.read(stored::is_any_due).await.unwrap());
}
