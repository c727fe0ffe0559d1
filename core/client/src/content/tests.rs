//! What is said about messages, when two devices of one person and the server do not agree about when.

use privmsg_e2ee::{Delete, Edit, Reaction, Text};
use privmsg_protocol::{GroupId, Seq};
use privmsg_store::chats::ChatKind;
use privmsg_store::groups::{self, GroupState};
use privmsg_store::key::DatabaseKey;
use privmsg_store::{Snapshot, Store};

use super::*;

const GROUP: GroupId = GroupId::from_bytes([7; 16]);

fn alice() -> UserId {
    UserId::new("alice").unwrap()
}

fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

const fn numbered(seq: u64) -> Place {
    Place::Numbered { group: GROUP, seq: Seq(seq) }
}

/// A chat on Alice's laptop, in which she has said "first" from there, with number 1.
struct Laptop<'a, 't> {
    tx: &'a Tx<'t>,
    chat: ChatId,
    target: MessageId,
}

impl Laptop<'_, '_> {
    /// Alice says something about it here. It waits for its number.
    fn says(&self, kind: &impl Kind) -> MessageId {
        let content = compose(kind, 5).unwrap().about(self.target, alice());
        say(self.tx, (&alice(), &device("laptop")), self.chat, &content, 5).unwrap();
        content.message_id
    }

    fn is_told(&self, id: &MessageId, seq: u64) {
        sent(self.tx, self.chat, id, numbered(seq), 6).unwrap();
    }

    /// What she has said about it on her phone arrives.
    fn hears(&self, kind: &impl Kind, seq: u64) {
        let content = compose(kind, 5).unwrap().about(self.target, alice());
        let bytes = content.encode().unwrap();
        let said = Said {
            chat: self.chat,
            place: numbered(seq),
            sender: &alice(),
            sender_device: &device("phone"),
            sender_key: None,
            own: &alice(),
            direction: Direction::Incoming,
            content: &content,
            bytes: &bytes,
            now_ms: 5,
        };
        apply(self.tx, &said).unwrap();
    }

    fn sees(&self) -> MessageView {
        let found = messages::find_of(self.tx, self.chat, &alice(), &self.target).unwrap().remove(0);
        MessageView::of(self.tx, found).unwrap()
    }

    fn text(&self) -> String {
        self.sees().text
    }
}

async fn on_a_laptop(story: impl FnOnce(&Laptop<'_, '_>) + Send + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let done = store.write(move |tx| {
        let chat = chats::ensure(tx, &ChatKind::Direct { peer: UserId::new("bob").unwrap() }, 1)?;
        groups::insert(tx, &GROUP, chat, &[], GroupState::Active, i64::MAX)?;
        let content = compose(&Text::new("first"), 1).unwrap();
        let row = say(tx, (&alice(), &device("laptop")), chat, &content, 1).unwrap().unwrap();
        messages::set_sent(tx, row, numbered(1))?;
        story(&Laptop { tx, chat, target: content.message_id });
        Ok::<_, StoreError>(())
    });
    done.await.unwrap();
}

fn edit(text: &str) -> Edit {
    Edit { text: text.into() }
}

const fn reaction(removed: bool) -> impl Fn(&str) -> Reaction {
    move |emoji| Reaction { emoji: emoji.to_owned(), removed }
}

/// The order of the server is that of everybody else: what waits here may turn out to be older than what came meanwhile.
#[tokio::test]
async fn of_two_devices_edits_the_later_number_counts() {
    for (own, shown) in [(4, "from the phone"), (6, "from the laptop")] {
        on_a_laptop(move |laptop| {
            let waiting = laptop.says(&edit("from the laptop"));
            laptop.hears(&edit("from the phone"), 5);
            assert_eq!(laptop.text(), "from the laptop", "what one has just written is what one sees");
            laptop.is_told(&waiting, own);
            assert_eq!(laptop.text(), shown);
        })
        .await;
    }
}

#[tokio::test]
async fn an_edit_that_is_refused_leaves_the_one_before() {
    on_a_laptop(|laptop| {
        laptop.hears(&edit("from the phone"), 5);
        let first = laptop.says(&edit("one more"));
        let second = laptop.says(&edit("and another"));
        relations::withdraw(laptop.tx, &second).unwrap();
        assert_eq!(laptop.text(), "one more");
        relations::withdraw(laptop.tx, &first).unwrap();
        assert_eq!(laptop.text(), "from the phone");
    })
    .await;
}

/// Others still see what the server has not heard to be deleted, and so must its author.
#[tokio::test]
async fn a_deletion_that_is_refused_takes_nothing() {
    on_a_laptop(|laptop| {
        let waiting = laptop.says(&Delete {});
        let seen = laptop.sees();
        assert!(seen.deleted && seen.text.is_empty());
        laptop.hears(&edit("from the phone"), 5);
        assert!(laptop.sees().deleted, "also if it is changed elsewhere meanwhile");
        relations::withdraw(laptop.tx, &waiting).unwrap();
        let seen = laptop.sees();
        assert_eq!((seen.deleted, seen.text.as_str()), (false, "from the phone"));
    })
    .await;
}

#[tokio::test]
async fn a_deletion_that_is_taken_leaves_nothing_of_what_was_said() {
    on_a_laptop(|laptop| {
        laptop.hears(&edit("a slip"), 5);
        let waiting = laptop.says(&Delete {});
        laptop.is_told(&waiting, 6);
        let found = messages::find_of(laptop.tx, laptop.chat, &alice(), &laptop.target).unwrap().remove(0);
        assert!(found.content.is_empty() && found.deleted_at.is_some());
        let left = relations::of(laptop.tx, laptop.chat, &alice(), &laptop.target).unwrap();
        assert_eq!(left.iter().map(|relation| relation.kind).collect::<Vec<_>>(), [delete::KIND]);
        laptop.hears(&edit("after all"), 7);
        assert_eq!(laptop.text(), "");
    })
    .await;
}

#[tokio::test]
async fn a_reaction_that_is_taken_back_is_gone_before_the_server_knows() {
    on_a_laptop(|laptop| {
        laptop.hears(&reaction(false)("👍"), 5);
        assert_eq!(laptop.sees().reactions.len(), 1);
        let waiting = laptop.says(&reaction(true)("👍"));
        assert!(laptop.sees().reactions.is_empty());
        relations::withdraw(laptop.tx, &waiting).unwrap();
        assert_eq!(laptop.sees().reactions.len(), 1);
    })
    .await;
}

/// What was put out of sight, or whose time is over, is not brought back by what is said about it later.
#[tokio::test]
async fn nothing_is_kept_about_what_is_gone() {
    on_a_laptop(|laptop| {
        let row = laptop.sees().id;
        messages::forget(laptop.tx, row).unwrap();
        laptop.hears(&edit("again"), 5);
        laptop.hears(&reaction(false)("👍"), 6);
        assert!(kept(laptop.tx, laptop.chat, &laptop.target).is_empty());
        assert!(messages::find(laptop.tx, &laptop.target).unwrap().is_empty());
    })
    .await;
}

fn kept(at: &Snapshot<'_>, chat: ChatId, target: &MessageId) -> Vec<Relation> {
    relations::of(at, chat, &alice(), target).unwrap()
}

/// The same as in the format: what is missing here would be kept and never applied.
#[test]
fn every_kind_of_the_format_is_known() {
    let numbers: Vec<u32> = KINDS.iter().map(|kind| kind.number()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 16, 17, 18, 19, 20]);
}
