//! Stories of people who talk to each other with several devices.

use privmsg_e2ee::{
    ClaimedKeyPackage, CommitError, Conversation, ConversationInfo, CreateError, EncryptError, Expected, JoinError,
    ProcessError, Processed, RejectReason, forget_key_package, generate_key_package,
};
use privmsg_protocol::{Epoch, Incarnation};

use crate::people::{CHAT, Device, all_talk, direct, made_at, names, now, open_chat, person};

#[test]
fn two_people_with_two_devices_each_talk() {
    let (alice, bob) = (person("alice"), person("bob"));
    let devices = [alice.device("phone"), alice.device("laptop"), bob.device("phone"), bob.device("laptop")];
    let devices = devices.each_ref();
    let bundle = open_chat(direct(&alice, &bob), &devices);

    assert_eq!((bundle.epoch, bundle.next_epoch), (Epoch(0), Epoch(1)));
    assert_eq!((bundle.added.len(), bundle.welcomes().len()), (3, 3));
    for device in devices {
        assert_eq!(device.members(), ["alice-laptop", "alice-phone", "bob-laptop", "bob-phone"]);
        assert_eq!(device.chat().info(), &direct(&bob, &alice));
        assert_eq!(device.chat().group_id(), CHAT);
        let members = device.chat().members();
        let own: Vec<_> = members.iter().filter(|member| member.is_self).collect();
        assert_eq!((own.len(), &own[0].device_id), (1, device.device_id()));
    }
    all_talk(&devices);
}

#[test]
fn a_note_to_oneself_needs_nobody_else() {
    let alice = person("alice");
    let info = ConversationInfo::notes(alice.in_chats(), Incarnation::FIRST);
    let device = |name| Device { chat: info.group_id(), ..alice.device(name) };
    let (phone, laptop) = (device("phone"), device("laptop"));
    let created = phone.create(info.clone(), &[]);
    assert_eq!((created.next_epoch, created.welcomes().len()), (Epoch(1), 0));
    phone.accepted();
    phone.encrypt("remember the milk");
    phone.follow(&laptop.join_external(&created));
    all_talk(&[&phone, &laptop]);
}

#[test]
fn a_device_linked_later_comes_in_by_itself() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, laptop, bobs) = (alice.device("phone"), alice.device("laptop"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    all_talk(&[&phone, &bobs]);

    let joined = laptop.join_external(&opened);
    assert_eq!((joined.epoch, joined.next_epoch), (Epoch(1), Epoch(2)));
    assert_eq!((joined.added.as_slice(), joined.removed.len()), (&[laptop.address()][..], 0));
    for device in [&phone, &bobs] {
        let change = device.follow(&joined);
        assert_eq!((names(&change.added), names(&change.removed)), (vec!["alice-laptop".to_owned()], vec![]));
        assert!(!change.removes_self());
    }
    all_talk(&[&laptop, &phone, &bobs]);
}

#[test]
fn a_broken_device_comes_back_and_its_old_leaf_is_gone() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let (missed, lost) = (bobs.commit(&[], &[]), bobs.encrypt("lost in the old epoch"));
    bobs.accepted();

    let back = phone.join_external(&missed);
    assert_eq!((back.added.as_slice(), back.removed.as_slice()), (&[phone.address()][..], &[phone.address()][..]));
    let change = bobs.follow(&back);
    assert_eq!(
        (names(&change.added), names(&change.removed)),
        (names(&change.removed), vec!["alice-phone".to_owned()])
    );
    assert_eq!(bobs.members(), ["alice-phone", "bob-phone"]);
    let outcome = phone.process(&lost);
    assert!(matches!(outcome, Err(ProcessError::Stale { .. })), "{outcome:?}");
    all_talk(&[&phone, &bobs]);
}

#[test]
fn an_external_commit_that_lost_the_race_is_made_again() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, laptop, bobs) = (alice.device("phone"), alice.device("laptop"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let rotation = bobs.commit(&[], &[]);
    bobs.accepted();
    phone.follow(&rotation);

    let late = laptop.join_external(&opened);
    assert!(matches!(phone.process_commit(&late.commit), Err(ProcessError::Stale { epoch: Epoch(1) })));
    laptop.chat().delete(&laptop.provider()).unwrap();
    assert!(!laptop.has_chat());
    let joined = laptop.join_external(&rotation);
    phone.follow(&joined);
    bobs.follow(&joined);
    all_talk(&[&laptop, &phone, &bobs]);
}

#[test]
fn a_stale_commit_gives_way_and_is_rebased() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, laptop, bobs) = (alice.device("phone"), alice.device("laptop"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);

    let refused = phone.commit(&[&laptop], &[]);
    let won = bobs.commit(&[], &[]);
    bobs.accepted();
    assert!(phone.chat().has_pending());
    assert!(matches!(phone.try_commit(&[], &[]), Err(CommitError::Pending)));
    phone.follow(&won);
    assert!(!phone.chat().has_pending());
    assert!(matches!(bobs.process_commit(&refused.commit), Err(ProcessError::Stale { epoch: Epoch(1) })));

    let rebased = phone.commit(&[&laptop], &[]);
    phone.accepted();
    bobs.follow(&rebased);
    laptop.join(&rebased);
    all_talk(&[&phone, &laptop, &bobs]);
}

#[test]
fn our_own_commit_that_comes_back_is_merged_once() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let rotation = phone.commit(&[], &[]);
    let change = phone.follow(&rotation);
    assert!(change.committer.is_self && change.added.is_empty() && !change.removes_self());
    assert!(!phone.chat().has_pending());
    assert!(matches!(phone.process_commit(&rotation.commit), Err(ProcessError::Stale { epoch: Epoch(1) })));
    bobs.follow(&rotation);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn an_own_commit_that_was_given_up_is_not_taken_for_another() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let abandoned = phone.commit(&[], &[]);
    phone.chat().clear_pending(&phone.provider()).unwrap();
    assert!(phone.process_commit(&abandoned.commit).is_err());
    let rotation = phone.commit(&[], &[]);
    phone.accepted();
    bobs.follow(&rotation);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn a_message_of_the_future_is_parked_and_healed() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let rotation = phone.commit(&[], &[]);
    phone.accepted();
    let early = phone.encrypt("you will understand");
    assert!(matches!(bobs.process(&early), Err(ProcessError::Future { epoch: Epoch(2) })));
    bobs.follow(&rotation);
    assert_eq!(bobs.read(&early).1, "you will understand");
}

#[test]
fn duplicates_and_own_messages_are_named() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let message = phone.encrypt("once");
    bobs.read(&message);
    assert!(matches!(bobs.process(&message), Err(ProcessError::Duplicate)));
    assert!(matches!(phone.process(&message), Err(ProcessError::Duplicate)));
    for _ in 0..40 {
        bobs.read(&phone.encrypt("more"));
    }
    // So far back it can no longer be told from one that was never read; better a gap too many than a silent loss.
    assert!(matches!(bobs.process(&message), Err(ProcessError::Stale { epoch: Epoch(1) })));
}

#[test]
fn messages_overtake_each_other_and_old_epochs_fade() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let texts: Vec<_> = (0..30).map(|i| phone.encrypt(&i.to_string())).collect();
    for (i, message) in texts.iter().enumerate().rev().filter(|(i, _)| *i >= 2) {
        assert_eq!(bobs.read(message).1, i.to_string());
    }
    for epoch in 1..=3 {
        let rotation = bobs.commit(&[], &[]);
        bobs.accepted();
        phone.follow(&rotation);
        match epoch {
            2 => assert_eq!(bobs.read(&texts[0]).1, "0", "two epochs are kept"),
            3 => assert!(matches!(bobs.process(&texts[1]), Err(ProcessError::Stale { epoch: Epoch(1) }))),
            _ => {}
        }
    }
}

#[test]
fn who_is_removed_reads_no_more() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, lost, bobs) = (alice.device("phone"), alice.device("lost"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &lost, &bobs]);
    let removal = phone.commit(&[], &[&lost]);
    assert_eq!(removal.removed, [lost.address()]);
    phone.accepted();
    assert_eq!(names(&bobs.follow(&removal).removed), ["alice-lost"]);
    assert!(lost.follow(&removal).removes_self());

    assert!(!lost.chat().is_active());
    assert!(lost.chat().members().iter().all(|member| !member.is_self));
    assert!(matches!(lost.process(&phone.encrypt("secret")), Err(ProcessError::Removed)));
    assert!(matches!(lost.chat().encrypt(&lost.provider(), &lost.keys, b"?"), Err(EncryptError::Removed)));
    assert!(matches!(lost.try_commit(&[], &[]), Err(CommitError::Removed)));

    let found = phone.commit(&[&lost], &[]);
    phone.accepted();
    bobs.follow(&found);
    lost.join(&found);
    all_talk(&[&phone, &lost, &bobs]);
}

/// Whoever has the keys of the epoch before may write in it: what comes of such a device is said to.
#[test]
fn what_a_removed_device_says_is_marked_as_that() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, lost, bobs) = (alice.device("phone"), alice.device("lost"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &lost, &bobs]);
    let (stayed, gone) = (phone.encrypt("on its way"), lost.encrypt("it is me"));
    let removal = phone.commit(&[], &[&lost]);
    phone.accepted();
    bobs.follow(&removal);
    let former = |message: &[u8]| match bobs.process(message).unwrap() {
        Processed::Application { epoch, is_former, .. } => (epoch, is_former),
        Processed::Commit(_) => panic!("not a message"),
    };
    assert_eq!(former(&gone), (removal.epoch, true));
    assert_eq!(former(&stayed), (removal.epoch, false));
}

#[test]
fn a_member_with_a_broken_state_is_swapped_in_one_commit() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let swap = phone.commit(&[&bobs], &[&bobs]);
    phone.accepted();
    bobs.join(&swap);
    assert_eq!(phone.members(), ["alice-phone", "bob-phone"]);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn two_who_open_the_same_chat_end_in_one() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let won = phone.create(direct(&alice, &bob), &[&bobs]);
    bobs.create(direct(&alice, &bob), &[&phone]);
    assert!(matches!(bobs.create_with(direct(&alice, &bob), &[]), Err(CreateError::Exists)));
    phone.accepted();
    bobs.chat().delete(&bobs.provider()).unwrap();
    bobs.join(&won);
    all_talk(&[&phone, &bobs]);
}

#[test]
fn a_welcome_is_for_its_receiver_and_counts_once() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs, other) = (alice.device("phone"), bob.device("phone"), bob.device("laptop"));
    let bundle = open_chat(direct(&alice, &bob), &[&phone, &bobs, &other]);
    let [(_, first), (_, second)] = &*bundle.welcomes() else { panic!() };
    assert_ne!(first, second);
    let join = |welcome: &[u8]| Conversation::join(&bobs.provider(), welcome, &bundle.ratchet_tree, None);
    for welcome in [first, second] {
        assert!(matches!(join(welcome), Err(JoinError::NoKeyPackage)));
    }
    all_talk(&[&phone, &bobs, &other]);
}

#[test]
fn a_last_resort_key_package_is_not_used_up_but_joins_once() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let claimed = bobs.claim_last_resort();
    let bundle = phone.create_with(direct(&alice, &bob), &[claimed]).unwrap();
    phone.accepted();
    bobs.join(&bundle);
    let again = Conversation::join(&bobs.provider(), &bundle.welcomes()[0].1, &bundle.ratchet_tree, None);
    assert!(matches!(again, Err(JoinError::AlreadyMember)));
    all_talk(&[&phone, &bobs]);
}

/// Whoever takes the device later must not open welcomes that were recorded on their way.
#[test]
fn a_forgotten_key_package_opens_nothing() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let made = generate_key_package(&bobs.provider(), &bobs.keys, &bobs.certificate, true, now(), made_at()).unwrap();
    let claimed = ClaimedKeyPackage::validate(&made.bytes, bobs.user_id(), bobs.device_id(), now()).unwrap();
    let (keys, certificate) = (&phone.keys, &phone.certificate);
    let info = direct(&alice, &bob);
    let bundle =
        Conversation::create(&phone.provider(), keys, certificate, info, None, &[claimed], made_at()).unwrap().1;
    let before = bobs.disk();
    bobs.join(&bundle);
    bobs.restore(before);
    forget_key_package(&bobs.provider(), &made.reference).unwrap();
    let join = Conversation::join(&bobs.provider(), &bundle.welcomes()[0].1, &bundle.ratchet_tree, None);
    assert!(matches!(join, Err(JoinError::NoKeyPackage)), "{join:?}");
    assert!(bobs.disk().is_empty(), "nothing is left of it");
}

/// A member who hides a commit in an ordinary message would split the group.
#[test]
fn a_commit_is_not_taken_from_an_ordinary_message() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let (rotation, text) = (phone.commit(&[], &[]), phone.encrypt("hi"));
    let unexpected = |result| matches!(result, Err(ProcessError::Rejected(RejectReason::UnexpectedKind)));
    assert!(unexpected(bobs.process(&rotation.commit)));
    assert!(unexpected(bobs.chat().process(&bobs.provider(), Expected::Commit, &text)));
    bobs.follow(&rotation);
}

/// Rolling the transaction back is how a client refuses, and how it survives a crash at any point.
#[test]
fn a_rolled_back_transaction_leaves_no_trace() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let bundle = phone.create(direct(&alice, &bob), &[&bobs]);
    phone.accepted();

    let before = bobs.disk();
    bobs.join(&bundle);
    bobs.restore(before);
    bobs.join(&bundle);

    let message = phone.encrypt("again");
    let before = bobs.disk();
    bobs.read(&message);
    bobs.restore(before);
    assert_eq!(bobs.read(&message).1, "again");

    let rotation = phone.commit(&[], &[]);
    let before = bobs.disk();
    bobs.follow(&rotation);
    bobs.restore(before);
    bobs.follow(&rotation);
    phone.accepted();
    all_talk(&[&phone, &bobs]);
}

#[test]
fn a_text_in_flight_reveals_its_length_only_roughly() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    assert_eq!(phone.encrypt("no").len(), phone.encrypt("yes, of course").len());
    let Processed::Application { sender, .. } = bobs.process(&phone.encrypt("hi")).unwrap() else { panic!() };
    assert_eq!((sender.identity, sender.is_self), (alice.account.public(), false));
}

#[test]
fn debug_shows_no_secrets() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    assert_eq!(format!("{:?}", bobs.chat()), "Conversation(_APm8UgS26Th8intMRMhBw, epoch 1)");
    let processed = bobs.process(&phone.encrypt("secret")).unwrap();
    assert_eq!(format!("{processed:?}"), "Application(… by alice/alice-phone)");
}

/// Of the GroupInfo that is kept for an epoch, whoever is in it tells whether others could follow whom it lets in.
#[test]
fn who_is_in_an_epoch_knows_its_entrance() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, bobs) = (alice.device("phone"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    let is_entered_by = |device: &Device, group_info: &[u8]| {
        device.chat().is_entered_by(&device.provider(), &device.keys, group_info).unwrap()
    };
    assert!(is_entered_by(&phone, &opened.group_info) && is_entered_by(&bobs, &opened.group_info));
    let renewed = phone.commit(&[], &[]);
    phone.accepted();
    assert!(is_entered_by(&phone, &renewed.group_info) && !is_entered_by(&phone, &opened.group_info));
    assert!(!is_entered_by(&bobs, &renewed.group_info), "he is not there yet");
    assert!(bobs.chat().is_entered_by(&bobs.provider(), &bobs.keys, b"nothing of any kind").is_err());
}
