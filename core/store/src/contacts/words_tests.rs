//! What the words of other devices do to what is known here, and what is left of a thief's.

use super::*;
use crate::Store;
use crate::contacts::{Contact, accept_change, is_held, list, load, observe, refuse_change, set_verified};
use crate::key::DatabaseKey;

const A: [u8; 32] = [1; 32];
const EVES: [u8; 32] = [66; 32];

fn bob() -> UserId {
    UserId::new("bob").unwrap()
}

fn device(name: &str) -> DeviceId {
    DeviceId::new(name).unwrap()
}

fn word(identity: [u8; 32], marks: Marks) -> Word {
    Word { user: bob(), identity, marks, floor: 0, said_by: None, through: Vec::new() }
}

async fn in_a_store(steps: impl FnOnce(&Tx<'_>) -> Result<(), StoreError> + Send + 'static) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
    store.write(steps).await.unwrap();
}

fn known(tx: &Tx<'_>) -> Contact {
    load(tx, &bob()).unwrap().unwrap()
}

#[tokio::test]
async fn words_add_and_never_replace() {
    in_a_store(|tx| {
        observe(tx, &bob(), &A)?;
        assert_eq!(hear(tx, &device("phone"), &word(A, Marks::BY_LINK))?, Heard::Nothing);
        assert_eq!(hear(tx, &device("tablet"), &word(A, Marks::VERIFIED))?, Heard::Nothing);
        assert!(known(tx).by_link && known(tx).verified);
        // One that knows less takes nothing away from what another one, or this one, knows.
        assert_eq!(hear(tx, &device("watch"), &word(A, Marks::NONE))?, Heard::Nothing);
        assert_eq!(hear(tx, &device("phone"), &word(A, Marks::NONE))?, Heard::Nothing);
        assert!(!known(tx).by_link && known(tx).verified, "but its own word is its own");
        assert_eq!(hear(tx, &device("phone"), &word(EVES, Marks::VERIFIED))?, Heard::Blocked);
        let held = known(tx);
        assert_eq!((held.identity, held.changed_identity), (A, Some(EVES)));
        assert_eq!(held.changed_by, Some(ChangedBy::Device(device("phone"))));
        assert!(held.verified && is_held(tx, &bob())?);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn two_that_nobody_has_vouched_for_are_shown_and_stop_nothing() {
    in_a_store(|tx| {
        observe(tx, &bob(), &A)?;
        assert_eq!(hear(tx, &device("phone"), &word(EVES, Marks::NONE))?, Heard::Differs);
        assert_eq!(hear(tx, &device("phone"), &word(EVES, Marks::NONE))?, Heard::Nothing, "told once more");
        assert_eq!((known(tx).identity, known(tx).changed_identity), (A, None));
        set_verified(tx, &bob(), true)?;
        assert_eq!(hear(tx, &device("tablet"), &word(EVES, Marks::NONE))?, Heard::Blocked);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn somebody_new_is_known_as_the_other_device_knows_them() {
    in_a_store(|tx| {
        assert_eq!(hear(tx, &device("phone"), &word(A, Marks::VERIFIED))?, Heard::Nothing);
        assert!(known(tx).verified);
        assert!(untold(tx, 10)?.is_empty(), "it is that device's word");
        observe(tx, &bob(), &A)?;
        assert_eq!(untold(tx, 10)?, [word(A, Marks::NONE)]);
        set_told(tx, &untold(tx, 10)?)?;
        assert!(untold(tx, 10)?.is_empty());
        tell_again(tx)?;
        assert_eq!(untold(tx, 10)?.len(), 1);
        let passed: Vec<_> = to_pass_on(tx)?.into_iter().map(|word| (word.marks, word.said_by)).collect();
        assert_eq!(passed, [(Marks::VERIFIED, Some(device("phone"))), (Marks::NONE, None)]);
        Ok(())
    })
    .await;
}

/// The owner has the device list changed by the recovery words: whatever the thief's device had written.
#[tokio::test]
async fn nothing_is_left_of_a_thiefs_words_after_the_recovery() {
    in_a_store(|tx| {
        let (thief, phone) = (device("stolen"), device("phone"));
        let carol = UserId::new("carol").unwrap();
        let dave = UserId::new("dave").unwrap();
        // Bob is known here; carol is the thief's invention; dave was verified on a third device, too.
        observe(tx, &bob(), &A)?;
        let before = known(tx);
        hear(tx, &thief, &word(A, Marks::VERIFIED))?;
        assert!(known(tx).verified);
        hear(tx, &thief, &word(EVES, Marks::VERIFIED))?;
        assert!(is_held(tx, &bob())?);
        hear(tx, &thief, &Word { user: carol.clone(), ..word(EVES, Marks::VERIFIED) })?;
        hear(tx, &thief, &Word { user: dave.clone(), ..word(A, Marks::VERIFIED) })?;
        hear(tx, &phone, &Word { user: dave.clone(), ..word(A, Marks::VERIFIED) })?;
        // It tells what others are said to have said.
        let as_phone = Word { said_by: Some(phone.clone()), ..word(EVES, Marks::BY_LINK) };
        hear(tx, &thief, &as_phone)?;
        // Signed out only, it is no thief's.
        assert!(!weigh_devices(tx, std::slice::from_ref(&phone), false)?);
        assert!(load(tx, &carol)?.is_some_and(|carol| carol.verified));
        assert!(weigh_devices(tx, std::slice::from_ref(&phone), true)?);
        assert_eq!(known(tx), before, "as it was");
        assert_eq!(load(tx, &carol)?, None);
        assert!(load(tx, &dave)?.is_some_and(|dave| dave.verified), "the other one's word is left");
        let waiting: Vec<_> = to_confirm(tx)?.into_iter().map(|word| (word.user, word.identity)).collect();
        assert_eq!(waiting, [(bob(), EVES), (carol.clone(), EVES)]);
        assert!(!weigh_devices(tx, std::slice::from_ref(&phone), true)?, "said once");
        // Confirming pins no other key in the place of one that is known: that is for the user to decide.
        let [of_bob, of_carol] = <[Word; 2]>::try_from(to_confirm(tx)?).unwrap();
        assert!(!confirm(tx, &of_bob)?);
        assert_eq!((known(tx).identity, known(tx).changed_identity), (A, Some(EVES)));
        assert!(confirm(tx, &of_carol)?);
        assert!(load(tx, &carol)?.is_some_and(|carol| carol.verified && carol.identity == EVES));
        assert!(to_confirm(tx)?.is_empty());
        Ok(())
    })
    .await;
}

/// A thief of a device and the server together: with the mark the alarm must not go, too.
#[tokio::test]
async fn a_key_that_a_stolen_device_had_verified_still_holds_fast() {
    in_a_store(|tx| {
        observe(tx, &bob(), &A)?;
        hear(tx, &device("stolen"), &word(A, Marks::VERIFIED))?;
        assert!(weigh_devices(tx, &[], true)?);
        assert!(!known(tx).verified && known(tx).to_confirm && known(tx).is_held_fast());
        assert_eq!(observe(tx, &bob(), &EVES)?, super::super::Observation::Blocked);
        refuse_change(tx, &bob())?;
        // Whoever compares anew has confirmed it.
        set_verified(tx, &bob(), true)?;
        assert!(to_confirm(tx)?.is_empty() && !known(tx).to_confirm && known(tx).verified);
        // Or does not want to hear of it.
        set_verified(tx, &bob(), false)?;
        assert_eq!(to_confirm(tx)?.len(), 0, "the user has put it aside");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_device_that_is_let_in_again_says_what_it_said() {
    in_a_store(|tx| {
        hear(tx, &device("phone"), &word(A, Marks::VERIFIED))?;
        weigh_devices(tx, &[], true)?;
        assert_eq!(list(tx)?, []);
        weigh_devices(tx, &[device("phone")], false)?;
        assert!(known(tx).verified && to_confirm(tx)?.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn taking_back_counts_whoever_had_compared() {
    in_a_store(|tx| {
        observe(tx, &bob(), &A)?;
        hear(tx, &device("phone"), &word(A, Marks::VERIFIED))?;
        set_verified(tx, &bob(), false)?;
        assert!(!known(tx).verified);
        assert_eq!(hear(tx, &device("phone"), &word(A, Marks::VERIFIED))?, Heard::Nothing);
        assert!(!known(tx).verified, "the same word once more");
        hear(tx, &device("phone"), &word(A, Marks::NONE))?;
        hear(tx, &device("phone"), &word(A, Marks::VERIFIED))?;
        assert!(known(tx).verified, "compared anew, there");
        Ok(())
    })
    .await;
}

/// What is accepted here is told, and changes nothing elsewhere but that it is shown.
#[tokio::test]
async fn an_accepted_change_is_this_devices_word() {
    in_a_store(|tx| {
        observe(tx, &bob(), &A)?;
        set_verified(tx, &bob(), true)?;
        observe(tx, &bob(), &EVES)?;
        set_told(tx, &untold(tx, 10)?)?;
        accept_change(tx, &bob())?;
        assert_eq!(untold(tx, 10)?, [word(EVES, Marks::NONE)]);
        // Another device that has compared it vouches for it here as well.
        hear(tx, &device("phone"), &word(EVES, Marks::VERIFIED))?;
        assert!(known(tx).verified);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_device_in_the_wrong_hands_fills_no_disk() {
    in_a_store(|tx| {
        for at in 0..MAX_TOLD + 10 {
            let user = UserId::new(&format!("user-{at}")).unwrap();
            hear(tx, &device("stolen"), &Word { user, ..word(A, Marks::NONE) })?;
        }
        assert_eq!(i64::try_from(list(tx)?.len()).unwrap(), MAX_TOLD);
        // What it has told it can correct all the same.
        let first = || UserId::new("user-0").unwrap();
        assert!(!load(tx, &first())?.unwrap().verified);
        hear(tx, &device("stolen"), &Word { user: first(), ..word(A, Marks::VERIFIED) })?;
        assert!(load(tx, &first())?.unwrap().verified);
        Ok(())
    })
    .await;
}

/// A stolen device has let one in that has let in others, and has told it what a device had said that nobody else has heard. Whoever
/// was told of that by an honest one did not know by whose word it was.
#[tokio::test]
async fn a_word_counts_no_longer_than_all_that_have_handed_it_on() {
    let forged = Word { said_by: Some(device("phone")), ..word(EVES, Marks::VERIFIED) };
    let (tablet, laptop) = (device("tablet"), device("laptop"));
    let (send, receive) = std::sync::mpsc::channel();
    let (forward, take) = std::sync::mpsc::channel();
    in_a_store(move |tx| {
        hear(tx, &device("stolen"), &forged)?;
        send.send(to_pass_on(tx)?).unwrap();
        Ok(())
    })
    .await;
    in_a_store({
        let tablet = tablet.clone();
        move |tx| {
            for word in receive.recv().unwrap() {
                assert_eq!(word.through, [device("stolen")]);
                hear(tx, &tablet, &word)?;
            }
            forward.send(to_pass_on(tx)?).unwrap();
            Ok(())
        }
    })
    .await;
    in_a_store(move |tx| {
        for word in take.recv().unwrap() {
            assert_eq!(
                (word.said_by.clone(), &*word.through),
                (Some(device("phone")), &[device("stolen"), tablet.clone()][..])
            );
            hear(tx, &laptop, &word)?;
        }
        assert!(known(tx).verified);
        // From nearer by, it goes on the shorter way.
        let own = [device("phone"), tablet.clone(), laptop.clone()];
        assert!(weigh_devices(tx, &own, true)?);
        assert_eq!(load(tx, &bob())?, None);
        hear(tx, &device("phone"), &word(A, Marks::VERIFIED))?;
        let passed: Vec<_> = to_pass_on(tx)?.into_iter().map(|word| (word.identity, word.through)).collect();
        assert_eq!(passed, [(A, Vec::new())]);
        Ok(())
    })
    .await;
}
