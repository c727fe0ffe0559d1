use openmls::prelude::tls_codec::Serialize as _;
use privmsg_e2ee::{ClaimedKeyPackage, KeyPackageError};

use super::edits::edited;
use super::verdict::{self, Verdict};
use super::world::{self, fields, signed};
use crate::people::now;
use crate::rogue;

/// Key packages: only that of the device that was asked for is taken, with a certificate that holds.
///
/// ```text
/// input = 0 | edits of a key package | or  1 | edits of the certificate in one | or  2 | edits of it, signed
/// ```
pub fn key_package(input: &[u8]) {
    world::with(|world| {
        let device = &world.tablet;
        let validate = |bytes: &[u8]| ClaimedKeyPackage::validate(bytes, device.user_id(), device.device_id(), now());
        let certificate = match input {
            [0, edits @ ..] => {
                let original = device.key_package();
                let package = edited(&original, &world.laptop.key_package(), edits);
                assert_eq!(validate(&package).is_ok(), package == original);
                return;
            }
            [1, edits @ ..] => edited(&device.certificate.encode(), &world.laptop.certificate.encode(), edits),
            [2, edits @ ..] => {
                signed(&world.alice.signing_key, &edited(&fields(device), &fields(&world.laptop), edits))
            }
            _ => return,
        };
        let package = rogue::key_package(device, &certificate).tls_serialize_detached().expect("it is short");
        match (validate(&package), verdict::of_leaf(world, device, &certificate, &[])) {
            (Ok(claimed), Verdict::Accepted) => assert_eq!(claimed.member().device_id, *device.device_id()),
            (Err(KeyPackageError::UpdateNeeded(_)), Verdict::UpdateNeeded) => {}
            (Err(KeyPackageError::Foreign { user_id, device_id }), _) => {
                assert_ne!((&user_id, &device_id), (device.user_id(), device.device_id()));
            }
            (Err(KeyPackageError::Certificate(_)), Verdict::Rejected) => {}
            (found, due) => panic!("{found:?} and not {due:?}"),
        }
    });
}
