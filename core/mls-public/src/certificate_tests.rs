use proptest::prelude::*;

use super::*;
use crate::test_keys::{self, bobs_certificate, device_key, hex, sign};

/// By signing key 2 of identity 1.
fn certificate() -> DeviceCertificate {
    signed(test_keys::certificate(7), 2).unwrap()
}

fn signed(by: SigningKeyCertificate, key: u8) -> Result<DeviceCertificate, CertificateError> {
    let phone = DeviceId::new("phone").unwrap();
    DeviceCertificate::signed_by(by, |bytes| sign(key, bytes), &phone, &device_key(3), 1_700_000_000)
}

#[test]
fn bytes_are_pinned() {
    let bytes = certificate().encode();
    insta::assert_snapshot!(hex(&bytes), @"020102616c8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c00000000000000078139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b39481dc823546326c199cb70b75ce289145a04a81ad60e0d75eb72369d14a713c30c80fd7360d9d56cf700288eba7a97d7a08e50dafc09aa2112486f359becb3d050570686f6e65ed4928c628d1c2c6eae90338905995612959273a5c63f93636c14614ac8737d1000000006553f100bef03cbd9264c7934df38d9e1b0f8e3966fe44dbb954d99c41dacc7cbf598cbfbddc4a581f9fe693cf972bca19cb7f5585aa21cf1bf3d6eae56dde62955f0901");
    let decoded = DeviceCertificate::decode(&bytes).unwrap();
    assert_eq!(decoded, certificate());
    assert_eq!(DeviceCertificate::decode_admitted(&bytes), Ok(certificate()));
    let device = (decoded.user_id().clone(), decoded.device_id().clone());
    assert_eq!(DeviceCertificate::device_of(&bytes), Ok(device));
}

#[test]
fn any_changed_field_is_a_forgery() {
    let genuine = certificate();
    let forgeries = [
        DeviceCertificate { by: bobs_certificate(7), ..genuine.clone() },
        DeviceCertificate { by: test_keys::certificate(8), ..genuine.clone() },
        DeviceCertificate { device_id: DeviceId::new("laptop").unwrap(), ..genuine.clone() },
        DeviceCertificate { device_key: device_key(4), ..genuine.clone() },
        DeviceCertificate { added_at: 0, ..genuine.clone() },
        DeviceCertificate { later: vec![0], ..genuine },
    ];
    for forgery in forgeries {
        assert_eq!(DeviceCertificate::decode(&forgery.encode()), Err(CertificateError::Forged));
    }
}

/// A device's word for itself, and that of a signing key for which somebody else has vouched.
#[test]
fn both_signatures_count() {
    assert_eq!(signed(test_keys::certificate(7), 3), Err(CertificateError::Forged));
    let genuine = certificate().encode();
    let by = certificate().by.encode();
    let mut forged = genuine;
    forged[by.len()] ^= 1;
    let mut resigned = DeviceCertificate::decode_admitted(&forged).unwrap();
    resigned.signature = sign(2, &labelled(LABEL, &resigned.signed()));
    assert_eq!(DeviceCertificate::decode(&resigned.encode()), Err(CertificateError::Forged));
}

#[test]
fn a_newer_version_is_named() {
    let mut bytes = certificate().encode();
    bytes[1] = 2;
    let newer = UpdateNeeded { what: UpdateNeeded::SIGNING_CERTIFICATE, number: 2 };
    assert_eq!(DeviceCertificate::decode(&bytes), Err(CertificateError::UpdateNeeded(newer)));
    bytes[0] = 3;
    let newer = UpdateNeeded { what: "device certificate version", number: 3 };
    assert_eq!(DeviceCertificate::decode(&bytes), Err(CertificateError::UpdateNeeded(newer)));
    assert_eq!(DeviceCertificate::decode(&[3]), Err(CertificateError::UpdateNeeded(newer)), "not read any further");
    assert_eq!(DeviceCertificate::decode(&[2]), Err(CertificateError::Malformed));
    assert_eq!(DeviceCertificate::decode(&[]), Err(CertificateError::Malformed));
}

/// Signs the certificate anew with these fields of a later build in it.
fn with_later(later: &[u8]) -> DeviceCertificate {
    let mut certificate = DeviceCertificate { later: later.to_vec(), ..certificate() };
    certificate.signature = sign(2, &labelled(LABEL, &certificate.signed()));
    certificate
}

#[test]
fn what_a_later_build_has_signed_besides_is_passed_over() {
    let later = with_later(b"a field that is not known yet");
    let decoded = DeviceCertificate::decode(&later.encode()).unwrap();
    assert_eq!((decoded.user_id(), decoded.device_key()), (certificate().user_id(), certificate().device_key()));
    assert_eq!(decoded.encode(), later.encode(), "a leaf keeps its bytes");

    assert!(DeviceCertificate::decode(&with_later(&[0; 600]).encode()).is_ok());
    let endless = DeviceCertificate::decode(&with_later(&[0; 1000]).encode());
    assert_eq!(endless, Err(CertificateError::Malformed));
}

/// Fields that are passed over must not be a place where somebody else can write, nor may they be cut off.
#[test]
fn what_nobody_has_signed_is_not_passed_over() {
    let (genuine, later) = (certificate().encode(), with_later(b"later").encode());
    let signature = genuine.len() - SIGNATURE_LEN;
    let inserted = [&genuine[..signature], b"later", &genuine[signature..]].concat();
    let appended = [&genuine[..], b"later"].concat();
    let cut = [&later[..signature], &later[signature + 5..]].concat();
    let repeated = [&genuine[..], &genuine[signature..]].concat();
    for bytes in [inserted, appended, cut, repeated] {
        assert_eq!(DeviceCertificate::decode(&bytes), Err(CertificateError::Forged));
    }
}

proptest! {
    #[test]
    fn foreign_bytes_never_pass(mut bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>(), flip in 1..=255u8) {
        let _ = DeviceCertificate::decode(&bytes);
        bytes = with_later(b"later").encode();
        let at = at.index(bytes.len());
        let accepted = |bytes: &[u8]| DeviceCertificate::decode(bytes).is_ok();
        prop_assert!(!accepted(&bytes[..at]));
        bytes[at] ^= flip;
        prop_assert!(!accepted(&bytes));
    }
}
