//! A Welcome in parts.
//!
//! A commit has one Welcome for all whom it adds. Each of them needs the encrypted GroupInfo and its own part of the secrets
//! (RFC 9420, section 12.4.3.1); the others' parts would only be to carry.

use tls_codec::{
    DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLByteSlice, VLBytes,
};

use crate::leaf;
use crate::malformed::Malformed;

const WELCOME: &str = "welcome";

/// `mls10` (RFC 9420, section 6).
const VERSION: u16 = 1;

/// `mls_welcome` (RFC 9420, section 6).
const WIRE_FORMAT: u16 = 3;

/// The parts of a Welcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// `encrypted_group_info`, for all joiners.
    pub group_info: Vec<u8>,
    /// What the secrets are encrypted for, and one `EncryptedGroupSecrets`.
    pub secrets: Vec<(KeyPackageRef, Vec<u8>)>,
}

/// What a key package is called (RFC 9420, section 5.2).
pub type KeyPackageRef = Vec<u8>;

#[derive(TlsDeserializeBytes, TlsSize)]
struct Message {
    version: u16,
    wire_format: u16,
    cipher_suite: u16,
    secrets: Vec<Secrets>,
    group_info: VLBytes,
}

/// `EncryptedGroupSecrets`.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Secrets {
    joiner: VLBytes,
    kem_output: VLBytes,
    ciphertext: VLBytes,
}

impl Welcome {
    /// Takes an `MLSMessage` with a Welcome apart.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn read(message: &[u8]) -> Result<Self, Malformed> {
        let read = Message::tls_deserialize_exact_bytes(message).map_err(Malformed::because(WELCOME))?;
        if (read.version, read.wire_format, read.cipher_suite) != (VERSION, WIRE_FORMAT, leaf::CIPHERSUITE.into()) {
            return Err(Malformed::new(WELCOME));
        }
        let one = |secrets: &Secrets| {
            let bytes = secrets.tls_serialize_detached().map_err(Malformed::because(WELCOME))?;
            Ok((secrets.joiner.as_slice().to_vec(), bytes))
        };
        let secrets = read.secrets.iter().map(one).collect::<Result<_, Malformed>>()?;
        Ok(Self { group_info: read.group_info.as_slice().to_vec(), secrets })
    }

    /// The `MLSMessage` for the joiner with these secrets.
    ///
    /// # Errors
    /// [`Malformed`], unless it is one `EncryptedGroupSecrets`.
    pub fn for_one(secrets: &[u8], group_info: &[u8]) -> Result<Vec<u8>, Malformed> {
        let read = Secrets::tls_deserialize_exact_bytes(secrets).map_err(Malformed::because(WELCOME))?;
        if read.tls_serialize_detached().is_ok_and(|again| again != secrets) {
            return Err(Malformed::new(WELCOME));
        }
        let group_info = VLByteSlice(group_info).tls_serialize_detached().map_err(Malformed::because(WELCOME))?;
        let secrets = VLByteSlice(secrets).tls_serialize_detached().map_err(Malformed::because(WELCOME))?;
        let suite: u16 = leaf::CIPHERSUITE.into();
        let head = [VERSION, WIRE_FORMAT, suite].map(u16::to_be_bytes);
        Ok([head.as_flattened(), &secrets, &group_info].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two joiners, `aa` and `bb`.
    const WELCOME: &[u8] = b"\x00\x01\x00\x03\x00\x4e\x0c\x01a\x01k\x01x\x01b\x01k\x01y\x02gi";

    #[test]
    fn each_joiner_gets_its_part() {
        let welcome = Welcome::read(WELCOME).unwrap();
        assert_eq!(welcome.group_info, b"gi");
        let of_a = Welcome::for_one(&welcome.secrets[0].1, &welcome.group_info).unwrap();
        assert_eq!(of_a, b"\x00\x01\x00\x03\x00\x4e\x06\x01a\x01k\x01x\x02gi");
        let alone = Welcome::read(&of_a).unwrap();
        assert_eq!(alone.secrets, welcome.secrets[..1]);
        assert_eq!(alone.secrets[0].0, b"a");
    }

    #[test]
    fn nothing_else_is_a_part() {
        let secrets = &Welcome::read(WELCOME).unwrap().secrets;
        let both = [&secrets[0].1[..], &secrets[1].1].concat();
        // The last is the first with a length in two bytes.
        for wrong in [b"".as_slice(), b"a", &both, &secrets[0].1[..5], b"\x40\x01a\x01k\x01x"] {
            assert!(Welcome::for_one(wrong, b"gi").is_err(), "{wrong:?}");
        }
        for wrong in [&WELCOME[..WELCOME.len() - 1], b"", &[WELCOME, b"x"].concat()] {
            assert!(Welcome::read(wrong).is_err(), "{wrong:?}");
        }
        for at in [1, 3, 5] {
            let mut other = WELCOME.to_vec();
            other[at] ^= 1;
            assert!(Welcome::read(&other).is_err());
        }
    }
}
