//! Stories of people who talk to each other with several devices.

mod people;

use people::{all_talk, direct, names, open_chat, person};
use privmsg_protocol::Epoch;

#[test]
fn two_people_with_two_devices_each_talk() {
    let (alice, bob) = (person("alice"), person("bob"));
    let devices = [alice.device("phone"), alice.device("laptop"), bob.device("phone"), bob.device("laptop")];
    let [a1, a2, b1, b2] = devices.each_ref();
    let bundle = open_chat(direct(&alice, &bob), &[a1, a2, b1, b2]);

    assert_eq!((bundle.epoch, bundle.next_epoch), (Epoch(0), Epoch(1)));
    assert_eq!(bundle.added.len(), 3);
    assert_eq!(bundle.welcomes.len(), 3);
    for device in [a1, a2, b1, b2] {
        assert_eq!(device.members(), ["alice-laptop", "alice-phone", "bob-laptop", "bob-phone"]);
        assert_eq!(device.chat().info(), &direct(&bob, &alice));
        assert_eq!(device.chat().members().iter().filter(|member| member.is_self).count(), 1);
    }
    all_talk(&[a1, a2, b1, b2]);
}

#[test]
fn a_device_linked_later_comes_in_by_itself() {
    let (alice, bob) = (person("alice"), person("bob"));
    let (phone, laptop, bobs) = (alice.device("phone"), alice.device("laptop"), bob.device("phone"));
    let opened = open_chat(direct(&alice, &bob), &[&phone, &bobs]);
    all_talk(&[&phone, &bobs]);

    let joined = laptop.join_external(&opened);
    assert_eq!((joined.epoch, joined.next_epoch), (Epoch(1), Epoch(2)));
    for device in [&phone, &bobs] {
        let change = device.follow(&joined);
        assert_eq!((names(&change.added), names(&change.removed)), (vec!["alice-laptop".to_owned()], vec![]));
        assert!(!change.removes_self());
    }
    all_talk(&[&laptop, &phone, &bobs]);
}
