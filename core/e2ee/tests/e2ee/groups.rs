//! Stories of groups of people: who takes part says the roster, which moves on by signed steps.

use privmsg_e2ee::{
    CommitBundle, CommitError, Conversation, ConversationInfo, ExternalJoinError, JoinError, MembershipChange,
    Participant, ProcessError, RejectReason, Role, Roster,
};
use privmsg_mls_public::{PublicConversation, Refused, StepError};
use privmsg_protocol::Incarnation;
use rand_core::OsRng;

use crate::people::{Device, Person, made_at, person};
use crate::rogue::{Rogue, context};
use crate::server::agree;

impl Person {
    fn place(&self, role: Role) -> Participant {
        Participant::with_role(
            self.user_id.clone(),
            self.account.public(),
            role,
            self.signing_key.certificate().generation(),
        )
    }

    /// What this person makes of a roster, when `who` is to be `role`, or out.
    fn step(&self, before: &Roster, who: &Person, role: Option<Role>) -> Roster {
        let mut people = before.participants().to_vec();
        people.retain(|place| *place.user_id() != who.user_id);
        people.extend(role.map(|role| who.place(role)));
        self.signing_key.next_roster(&[before], people, &mut OsRng).unwrap()
    }
}

fn founded(by: &Person, others: &[&Person]) -> Roster {
    let others = others.iter().map(|other| other.place(Role::Member));
    by.signing_key.found([by.place(Role::Owner)].into_iter().chain(others).collect(), &mut OsRng).unwrap()
}

/// A device in a group, as far as it has come.
struct Seat<'a> {
    device: &'a Device,
    roster: Roster,
}

impl<'a> Seat<'a> {
    fn create(device: &'a Device, roster: &Roster, others: &[&Device]) -> (Self, CommitBundle) {
        let others: Vec<_> = others.iter().map(|other| other.claim()).collect();
        let info = ConversationInfo::group(roster, Incarnation::FIRST);
        let (keys, certificate) = (&device.keys, &device.certificate);
        let provider = device.provider();
        let created =
            Conversation::create(&provider, keys, certificate, info, Some(roster.clone()), &others, made_at());
        let (mut chat, bundle) = created.unwrap();
        chat.merge_pending(&provider).unwrap();
        (Self { device, roster: roster.clone() }, bundle)
    }

    fn join(device: &'a Device, bundle: &CommitBundle, roster: &Roster) -> Result<Self, JoinError> {
        let (_, welcome) = bundle.welcomes().into_iter().find(|(id, _)| id == device.device_id()).unwrap();
        Conversation::join(&device.provider(), &welcome, &bundle.ratchet_tree, Some(roster.clone()))?;
        Ok(Self { device, roster: roster.clone() })
    }

    fn join_external(
        device: &'a Device,
        latest: &CommitBundle,
        roster: &Roster,
    ) -> Result<(Self, CommitBundle), ExternalJoinError> {
        let (keys, certificate, roster) = (&device.keys, &device.certificate, roster.clone());
        let (info, tree) = (&latest.group_info, &latest.ratchet_tree);
        let joined = Conversation::join_external(
            &device.provider(),
            keys,
            certificate,
            info,
            tree,
            Some(roster.clone()),
            made_at(),
        )?;
        Ok((Self { device, roster }, joined.1))
    }

    fn chat(&self) -> Conversation {
        let id = ConversationInfo::group(&self.roster, Incarnation::FIRST).group_id();
        let chat = Conversation::load(&self.device.provider(), id).unwrap().unwrap();
        chat.with_roster(Some(self.roster.clone())).unwrap()
    }

    /// Commits, and the server takes it.
    fn steps(&mut self, step: &Roster, add: &[&Device]) -> CommitBundle {
        let bundle = self.tries(step, add).unwrap();
        let mut chat = self.chat();
        chat.merge_pending(&self.device.provider()).unwrap();
        assert!(chat.roster().is_none(), "the roster of before counts no more");
        self.roster = step.clone();
        bundle
    }

    fn tries(&self, step: &Roster, add: &[&Device]) -> Result<CommitBundle, CommitError> {
        let add: Vec<_> = add.iter().map(|device| device.claim()).collect();
        self.chat().commit_step(&self.device.provider(), &self.device.keys, step, &add, &[], made_at())
    }

    fn follow(&mut self, commit: &[u8]) -> Result<MembershipChange, ProcessError> {
        let expected = privmsg_e2ee::Expected::Commit;
        match self.chat().process(&self.device.provider(), expected, commit)? {
            privmsg_e2ee::Processed::Commit(change) => {
                if let Some(roster) = &change.roster {
                    self.roster = Roster::clone(roster);
                }
                Ok(change)
            }
            other => panic!("{other:?}"),
        }
    }

    fn says(&self, text: &str) -> Vec<u8> {
        self.chat().encrypt(&self.device.provider(), &self.device.keys, text.as_bytes()).unwrap()
    }

    fn reads(&self, message: &[u8]) -> Result<String, ProcessError> {
        let expected = privmsg_e2ee::Expected::Application;
        match self.chat().process(&self.device.provider(), expected, message)? {
            privmsg_e2ee::Processed::Application { plaintext, .. } => {
                Ok(String::from_utf8(plaintext.to_vec()).unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// As a server keeps it, read back from its disk at every step.
struct Public(Vec<u8>);

impl Public {
    fn begin(created: &CommitBundle, roster: &Roster) -> Self {
        let begun = PublicConversation::begin(&created.group_info, &created.ratchet_tree, Some(roster.clone()));
        Self(begun.unwrap().0.encoded().to_vec())
    }

    fn take(&mut self, bundle: &CommitBundle) {
        let mut chat = PublicConversation::decode(self.0.clone()).unwrap();
        chat.apply(&bundle.commit, &bundle.group_info).unwrap();
        self.0 = chat.encoded().to_vec();
    }

    fn roster(&self) -> Roster {
        PublicConversation::decode(self.0.clone()).unwrap().roster().unwrap().clone()
    }

    fn refuses(&self, commit: &[u8], group_info: &[u8]) -> Refused {
        let mut chat = PublicConversation::decode(self.0.clone()).unwrap();
        let refused = chat.apply(commit, group_info).unwrap_err();
        assert!(chat.encoded() == self.0);
        refused
    }
}

fn rejected(result: Result<impl std::fmt::Debug, ProcessError>) -> RejectReason {
    match result {
        Err(ProcessError::Rejected(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_goes_through_its_life() {
    let (alice, bob, carol) = (person("alice"), person("bob"), person("carol"));
    let (phone, laptop) = (alice.device("phone"), alice.device("laptop"));
    let (bobs, carols) = (bob.device("phone"), carol.device("phone"));
    let founding = founded(&alice, &[&bob]);
    let (mut a, created) = Seat::create(&phone, &founding, &[&laptop, &bobs]);
    let mut server = Public::begin(&created, &founding);
    let (mut l, mut b) =
        (Seat::join(&laptop, &created, &founding).unwrap(), Seat::join(&bobs, &created, &founding).unwrap());
    assert_eq!(b.reads(&a.says("hello")).unwrap(), "hello");
    assert_eq!(a.chat().info().conversation_id(), founding.conversation_id());

    // Carol is let in, and reads from there on.
    let before = a.says("before Carol");
    let with_carol = alice.step(&founding, &carol, Some(Role::Member));
    let added = a.steps(&with_carol, &[&carols]);
    server.take(&added);
    assert_eq!(server.roster(), with_carol);
    for seat in [&mut l, &mut b] {
        let change = seat.follow(&added.commit).unwrap();
        assert_eq!(change.roster.as_deref(), Some(&with_carol));
    }
    assert_eq!(b.reads(&before).unwrap(), "before Carol", "the last epochs are still read");
    let mut c = Seat::join(&carols, &added, &with_carol).unwrap();
    assert!(c.reads(&before).is_err());
    assert_eq!(c.reads(&b.says("hi Carol")).unwrap(), "hi Carol");

    // Bob becomes an admin, and sends Carol away. Whoever is gone reads nothing more.
    let bob_admin = alice.step(&with_carol, &bob, Some(Role::Admin));
    let raised = a.steps(&bob_admin, &[]);
    server.take(&raised);
    for seat in [&mut l, &mut b, &mut c] {
        seat.follow(&raised.commit).unwrap();
    }
    let without_carol = bob.step(&bob_admin, &carol, None);
    let removed = b.steps(&without_carol, &[]);
    assert_eq!(removed.removed, [carols.address()]);
    server.take(&removed);
    for seat in [&mut a, &mut l] {
        seat.follow(&removed.commit).unwrap();
    }
    assert!(c.follow(&removed.commit).unwrap().removes_self());
    assert!(matches!(c.reads(&a.says("about Carol")), Err(ProcessError::Removed)));

    // Bob leaves: his own word, which somebody else carries.
    let left = bob.step(&without_carol, &bob, None);
    assert!(b.tries(&left, &[]).is_err(), "nobody removes the own leaf");
    let carried = l.steps(&left, &[]);
    server.take(&carried);
    a.follow(&carried.commit).unwrap();
    assert!(b.follow(&carried.commit).unwrap().removes_self());
    assert_eq!(l.reads(&a.says("alone")).unwrap(), "alone");
}

#[test]
fn a_second_device_comes_in_by_itself_and_only_with_the_roster_that_counts() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let (phone, bobs, tablet, eves) =
        (alice.device("phone"), bob.device("phone"), bob.device("tablet"), eve.device("x"));
    let founding = founded(&alice, &[&bob]);
    let (mut a, created) = Seat::create(&phone, &founding, &[&bobs]);
    let mut server = Public::begin(&created, &founding);
    let next = alice.step(&founding, &bob, Some(Role::Admin));
    let raised = a.steps(&next, &[]);
    server.take(&raised);

    for other in [&founding, &founded(&eve, &[&bob]), &alice.step(&founding, &eve, Some(Role::Member))] {
        let joined = Seat::join_external(&tablet, &raised, other);
        assert!(matches!(joined, Err(ExternalJoinError::Rejected(RejectReason::OtherRoster))));
    }
    assert!(matches!(
        Seat::join_external(&eves, &raised, &next),
        Err(ExternalJoinError::Rejected(RejectReason::NotAParticipant(user))) if user == eve.user_id
    ));
    let (t, joined) = Seat::join_external(&tablet, &raised, &next).unwrap();
    server.take(&joined);
    assert!(a.follow(&joined.commit).unwrap().roster.is_none());
    assert_eq!(a.reads(&t.says("from the tablet")).unwrap(), "from the tablet");

    let disk = bobs.disk();
    let wrong = Seat::join(&bobs, &created, &next);
    assert!(matches!(wrong, Err(JoinError::Rejected(RejectReason::OtherRoster))));
    bobs.restore(disk);
    Seat::join(&bobs, &created, &founding).unwrap();
}

#[test]
fn nobody_commits_a_step_that_the_roster_does_not_allow() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let (phone, eves, eves_other) = (alice.device("phone"), eve.device("phone"), eve.device("other"));
    let founding = founded(&alice, &[&eve]);
    let (mut a, created) = Seat::create(&phone, &founding, &[&eves]);
    let server = Public::begin(&created, &founding);
    let e = Seat::join(&eves, &created, &founding).unwrap();
    let disk = eves.disk();

    // What she may not, her own client does not make...
    let takes_over = eve.step(&founding, &eve, Some(Role::Owner));
    assert!(matches!(e.tries(&takes_over, &[]), Err(CommitError::Step(RejectReason::Step(StepError::NotAllowed)))));
    // ... and one that follows no rules makes for nothing.
    let info = ConversationInfo::group(&founding, Incarnation::FIRST);
    let mut attempt = |beside: &[u8], next: Option<&ConversationInfo>, add: &[&Device]| {
        eves.restore(disk.clone());
        let mut rogue = Rogue::in_group(&eves, info.group_id());
        rogue.group.set_aad(beside.to_vec());
        let add = add.iter().map(|device| crate::rogue::key_package(device, &device.certificate.encode())).collect();
        let forged = rogue.commit(add, Default::default(), next.map(|next| context(&next.encode())));
        let before = phone.disk();
        let reason = rejected(a.follow(&forged.commit));
        phone.restore(before);
        agree(&reason, &server.refuses(&forged.commit, &forged.group_info));
        reason
    };
    let to = |roster: &Roster| info.with_roster(roster).unwrap();
    let own = eve.step(&founding, &eve, Some(Role::Owner));
    assert!(matches!(attempt(&own.encode(), Some(&to(&own)), &[]), RejectReason::Step(StepError::NotAllowed)));
    let bobs = bob.device("phone");
    let lets_in = eve.step(&founding, &bob, Some(Role::Member));
    let reason = attempt(&lets_in.encode(), Some(&to(&lets_in)), &[&bobs]);
    assert!(matches!(reason, RejectReason::Step(StepError::NotAllowed)));
    // An allowed step of Alice's, and something else with it, or without what belongs to it.
    let allowed = alice.step(&founding, &bob, Some(Role::Member));
    let other = alice.step(&founding, &bob, Some(Role::Admin));
    assert!(matches!(attempt(&allowed.encode(), Some(&to(&other)), &[]), RejectReason::Context));
    assert!(matches!(attempt(&allowed.encode(), None, &[]), RejectReason::Context));
    assert!(matches!(attempt(&[], Some(&to(&allowed)), &[]), RejectReason::Context));
    assert!(matches!(attempt(b"\x01 no roster", Some(&to(&allowed)), &[]), RejectReason::Statement(_)));
    // Somebody who is not in it.
    assert!(matches!(attempt(&[], None, &[&bobs]), RejectReason::NotAParticipant(user) if user == bob.user_id));
    // Another group's step.
    let elsewhere = founded(&alice, &[&eve, &bob]);
    let elsewhere = alice.step(&elsewhere, &bob, None);
    let reason = attempt(&elsewhere.encode(), Some(&ConversationInfo::group(&elsewhere, Incarnation::FIRST)), &[]);
    assert!(matches!(reason, RejectReason::Step(StepError::OtherGroup)));
    // A device of hers under another identity, as she had it made for her.
    let stolen = person("alice");
    assert!(matches!(attempt(&[], None, &[&stolen.device("new")]), RejectReason::ForeignIdentity(_)));
    // Her own second device is hers to bring.
    eves.restore(disk.clone());
    let add = [eves_other.claim()];
    let added = e.chat().commit(&eves.provider(), &eves.keys, &add, &[], made_at()).unwrap();
    assert_eq!(a.follow(&added.commit).unwrap().added.len(), 1);
}

#[test]
fn who_is_out_of_the_roster_is_out_of_the_tree_in_the_same_commit() {
    let (alice, bob, eve) = (person("alice"), person("bob"), person("eve"));
    let (phone, bobs, eves) = (alice.device("phone"), bob.device("phone"), eve.device("phone"));
    let founding = founded(&alice, &[&bob, &eve]);
    let (mut a, created) = Seat::create(&phone, &founding, &[&bobs, &eves]);
    let server = Public::begin(&created, &founding);
    let _ = Seat::join(&bobs, &created, &founding).unwrap();

    // Bob carries Alice's step that sends Eve away, and leaves Eve's device where it is.
    let out = alice.step(&founding, &eve, None);
    let info = ConversationInfo::group(&founding, Incarnation::FIRST);
    let mut rogue = Rogue::in_group(&bobs, info.group_id());
    rogue.group.set_aad(out.encode());
    let forged = rogue.commit(Vec::new(), Default::default(), Some(context(&info.with_roster(&out).unwrap().encode())));
    let reason = rejected(a.follow(&forged.commit));
    assert!(matches!(&reason, RejectReason::NotAParticipant(user) if *user == eve.user_id), "{reason:?}");
    agree(&reason, &server.refuses(&forged.commit, &forged.group_info));

    // Eve under a new identity: the old device goes, the new one comes, in one commit.
    let eve_again = person("eve");
    let anew = alice.step(&founding, &eve_again, Some(Role::Member));
    let device = eve_again.device("new");
    let bundle = a.steps(&anew, &[&device]);
    assert_eq!((&bundle.added[..], &bundle.removed[..]), (&[device.address()][..], &[eves.address()][..]));
    let mut server = server;
    server.take(&bundle);
    assert_eq!(Seat::join(&device, &bundle, &anew).unwrap().reads(&a.says("welcome back")).unwrap(), "welcome back");
}

#[test]
fn an_own_commit_comes_back_as_it_was_sent() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let founding = founded(&alice, &[]);
    let (mut a, _) = Seat::create(&phone, &founding, &[]);
    let next = alice.step(&founding, &bob, Some(Role::Member));
    let bundle = a.tries(&next, &[&bobs]).unwrap();
    let change = a.follow(&bundle.commit).unwrap();
    assert!(change.committer.is_self && change.roster.as_deref() == Some(&next));
    assert_eq!(Seat::join(&bobs, &bundle, &next).unwrap().reads(&a.says("hi")).unwrap(), "hi");

    // A commit that lost leaves the roster of before.
    let lost = a.tries(&alice.step(&next, &bob, Some(Role::Admin)), &[]).unwrap();
    a.chat().clear_pending(&phone.provider()).unwrap();
    assert_eq!(a.chat().roster(), Some(&next));
    assert!(a.follow(&lost.commit).is_err());
}
