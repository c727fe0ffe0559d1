//! By whose word somebody leaves.

use privmsg_e2ee::{AccountKey, AccountSigningKey, OsRng};
use privmsg_protocol::ConversationId;
use privmsg_store::chats::ChatKind;
use privmsg_store::group_changes::Fate;
use privmsg_store::key::DatabaseKey;
use privmsg_store::{Store, chats};

use super::super::change;
use super::*;

struct Somebody {
    account: AccountKey,
    key: AccountSigningKey,
    name: UserId,
}

impl Somebody {
    fn new(name: &str) -> Self {
        let (account, name) = (AccountKey::generate(&mut OsRng), UserId::new(name).unwrap());
        let key = account.begin_generation(&name, 5, &mut OsRng).unwrap();
        Self { account, key, name }
    }

    fn place(&self, role: Role, floor: u64) -> Participant {
        Participant::with_role(self.name.clone(), self.account.public(), role, floor)
    }
}

/// A group of two in which somebody stands so.
fn group(of: &Somebody, role: Role, floor: u64) -> Roster {
    let other = Somebody::new("zoe");
    other.key.found(vec![other.place(Role::Owner, 5), of.place(role, floor)], &mut OsRng).unwrap()
}

fn leaves(who: &Somebody, newest: Roster, has_owned: bool) -> Result<Option<Roster>, ChangeError> {
    let author = Author { key: &who.key, generation_of: &|_| None, has_owned };
    said(&Leave { wanted: 1, successor: None, newest }, &author)
}

/// An owner gives others any floor: whoever could never sign a roster could never leave, and would be listed to all.
#[test]
fn who_is_bound_to_a_generation_that_they_never_reach_leaves_by_their_session_alone() {
    let ann = Somebody::new("ann");
    let bound = group(&ann, Role::Admin, 1 << 50);
    assert_eq!(leaves(&ann, bound, true), Ok(None));
    let free = group(&ann, Role::Admin, 5);
    let left = leaves(&ann, free.clone(), true).unwrap().expect("signed");
    assert_eq!((left.follows(&free), left.participant(&ann.name)), (Ok(()), None));
    // So does who has another identity by now than the one that stands there.
    let former = Somebody::new("ann");
    assert_eq!(leaves(&ann, group(&former, Role::Member, 0), true), Ok(None));
}

#[test]
fn only_who_has_decided_something_as_the_owner_names_another_one() {
    let ann = Somebody::new("ann");
    let zoe = Somebody::new("zoe");
    let alone = zoe.key.found(vec![zoe.place(Role::Owner, 5), ann.place(Role::Owner, 1)], &mut OsRng).unwrap();
    let alone = zoe
        .key
        .next_roster(&[&alone], vec![zoe.place(Role::Member, 0), ann.place(Role::Owner, 1)], &mut OsRng)
        .unwrap();
    assert_eq!(leaves(&ann, alone.clone(), true), Err(ChangeError::LastOwner));
    let left = leaves(&ann, alone.clone(), false).unwrap().expect("signed");
    assert_eq!((left.replaces(&alone), left.has_owner()), (Ok(()), false));
}

/// What the server had said "unknown" to was asked of it again and again, and each time key packages of all were claimed for it.
#[tokio::test]
async fn who_is_out_has_left_if_they_wanted_to_and_waits_for_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let wanted = store.write(|tx| {
        let conversation = ConversationId::from_bytes([7; 32]);
        let chat = chats::ensure(tx, &ChatKind::Group { conversation }, 0)?;
        let remove = GroupChange::Remove { user_id: UserId::new("zoe").unwrap() }.want(tx, chat, 0)?;
        let leave = GroupChange::Leave { successor: None }.want(tx, chat, 0)?;
        change::end_all(tx, chat)?;
        let waits = group_changes::chats(tx)?.contains(&chat);
        Ok::<_, ClientError>((waits, group_changes::fate(tx, leave)?, group_changes::fate(tx, remove)?))
    });
    let not_in_group = Fate::Failed(ChangeError::NotInGroup.to_string());
    assert_eq!(wanted.await.unwrap(), (false, Fate::Done, not_in_group));
}
