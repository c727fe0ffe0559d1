//! Who stays when a device was stolen, whatever lists its thief has signed.

use privmsg_e2ee::{AccountKey, AccountSigningKey, DeviceKeys, OsRng};
use privmsg_protocol::UserId;
use privmsg_store::Store;
use privmsg_store::key::DatabaseKey;

use super::*;

fn id(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

/// A device whose key is made of its name.
fn device(name: &str, added_at: u64) -> Device {
    let mut key = [7; 32];
    key[..name.len()].copy_from_slice(name.as_bytes());
    Device { device_id: id(name), device_key: DeviceKeys::from_bytes(&key).public(), added_at }
}

/// Who stays without `gone`, of the devices in the last of these lists, all of which this device has seen.
async fn stay(lists: &[&[(&str, u64)]], gone: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    let identity = AccountKey::generate(&mut OsRng);
    let alice = UserId::new("alice").unwrap();
    let signing: AccountSigningKey = identity.begin_generation(&alice, 1, &mut OsRng).unwrap();
    let lists: Vec<Vec<Device>> =
        lists.iter().map(|list| list.iter().map(|(name, added)| device(name, *added)).collect()).collect();
    let gone: Vec<_> = gone.iter().map(|name| id(name)).collect();
    let done = store.write(move |tx| {
        let mut known = KnownDevices::new(alice, identity.public());
        for (at, list) in lists.into_iter().enumerate() {
            known.learn(signing.list(at as u64 + 1, list).unwrap()).unwrap();
            note(tx, &known, at as i64 + 1)?;
        }
        let remembered = Remembered::load(tx, known)?;
        let devices = remembered.now.devices().iter().filter(|device| remembered.stays(device, &gone));
        Ok::<_, ClientError>(devices.map(|device| device.device_id.to_string()).collect())
    });
    done.await.unwrap()
}

const PRESENT: &[(&str, u64)] = &[("a", 1), ("b", 2)];
const STOLEN: &[(&str, u64)] = &[("a", 1), ("b", 2), ("tablet", 3)];

#[tokio::test]
async fn who_was_there_before_stays() {
    assert_eq!(stay(&[PRESENT, STOLEN], &["tablet"]).await, ["a", "b"]);
    let later = [("a", 1), ("b", 2), ("c", 4), ("tablet", 3)];
    assert_eq!(stay(&[PRESENT, STOLEN, &later], &["tablet"]).await, ["a", "b"]);
}

#[tokio::test]
async fn a_thief_who_has_signed_the_device_out_is_out_with_whom_they_let_in() {
    let with = [("a", 1), ("b", 2), ("tablet", 3), ("theirs", 4)];
    let without = [("a", 1), ("b", 2), ("theirs", 4)];
    assert_eq!(stay(&[PRESENT, STOLEN, &with, &without], &["tablet"]).await, ["a", "b"]);
}

#[tokio::test]
async fn a_thief_s_dates_help_nobody_who_came_later() {
    let back = [("a", 1), ("b", 2), ("tablet", 3), ("theirs", 1)];
    assert_eq!(stay(&[PRESENT, STOLEN, &back], &["tablet"]).await, ["a", "b"]);
    let ahead = [("a", 1), ("b", 2), ("tablet", 9), ("theirs", 4)];
    assert_eq!(stay(&[PRESENT, STOLEN, &ahead], &["tablet"]).await, ["a", "b"]);
    // Seen with the tablet for the first time: the dates are all there is.
    assert_eq!(stay(&[PRESENT, &[("a", 1), ("tablet", 3), ("theirs", 4)]], &["tablet"]).await, ["a"]);
}

#[tokio::test]
async fn who_was_removed_and_is_let_in_by_the_thief_has_come_later() {
    let again = [("a", 1), ("b", 2), ("tablet", 3)];
    assert_eq!(stay(&[PRESENT, &[("a", 1), ("tablet", 3)], &again], &["tablet"]).await, ["a"]);
}

#[tokio::test]
async fn without_a_memory_of_it_nobody_stays() {
    assert_eq!(stay(&[PRESENT], &["tablet"]).await, Vec::<String>::new());
    assert_eq!(stay(&[PRESENT], &[]).await, ["a", "b"]);
}
