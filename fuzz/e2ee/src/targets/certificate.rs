use privmsg_e2ee::{ConversationInfo, DeviceCertificate, RecoveryKey};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;

use super::edits::edited;
use super::world::{self, World, fields, signed};

/// What accounts sign and seal, and what stands in a GroupContext.
///
/// ```text
/// input = 0 | a certificate | or  1 | edits of one | or  2 | what is signed as one | or  3 | edits, signed | or
///         4 | a conversation info | or  5 | edits of an account backup | or  6 | twelve words
/// ```
pub fn certificate(input: &[u8]) {
    let Some((what, input)) = input.split_first() else { return };
    world::with(|world| match what {
        0 => check(world, input),
        1 => check(world, &edited(&world.tablet.certificate.encode(), &world.laptop.certificate.encode(), input)),
        2 => check_signed(world, input),
        3 => check_signed(world, &edited(&fields(&world.tablet), &fields(&world.laptop), input)),
        4 => {
            if let Ok(info) = ConversationInfo::decode(input) {
                assert_eq!(info.encode(), input, "one spelling, and nothing is lost");
            }
        }
        5 => check_backup(world, input),
        6 => {
            if let Ok(key) = String::from_utf8_lossy(input).parse::<RecoveryKey>() {
                assert_eq!(key.words().split(' ').count(), 12);
            }
        }
        _ => {}
    });
}

/// Nobody has signed it but for what it is: it holds only if it is a certificate that was made.
fn check(world: &World, bytes: &[u8]) {
    let Ok(certificate) = DeviceCertificate::decode_admitted(bytes) else { return };
    assert_eq!(certificate.encode(), bytes, "one spelling, and nothing is lost");
    let known = [&world.phone, &world.tablet, &world.bobs, &world.laptop];
    let genuine = known.iter().any(|device| device.certificate == certificate);
    assert_eq!(DeviceCertificate::decode(bytes).is_ok(), genuine);
}

/// Alice's account signs what it may not even understand: it holds if it can be read at all, and is hers.
fn check_signed(world: &World, fields: &[u8]) {
    let bytes = signed(&world.alice.signing_key, fields);
    let Ok(certificate) = DeviceCertificate::decode_admitted(&bytes) else { return };
    assert_eq!(certificate.encode(), bytes, "one spelling, and nothing is lost");
    let hers = certificate.signing_certificate() == world.alice.signing_key.certificate();
    assert_eq!(DeviceCertificate::decode(&bytes).is_ok(), hers);
}

fn check_backup(world: &World, edits: &[u8]) {
    let rng = &mut ChaCha20Rng::from_seed([2; 32]);
    let key = RecoveryKey::generate(rng);
    let (alice, bob) = (&world.alice, &world.bob);
    let sealed = key.seal(&alice.account, &alice.user_id, rng);
    let backup = edited(&sealed, &key.seal(&bob.account, &bob.user_id, rng), edits);
    assert_eq!(key.open(&backup, &alice.user_id).ok(), (backup == sealed).then(|| alice.account.clone()));
}
