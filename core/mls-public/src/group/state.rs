//! What a server stores of a group.
//!
//! ```text
//! struct { uint8 version = 1; uint32 length; opaque part[length]; ... } State;   // tree, context, transcript, tag, roster
//! ```
//!
//! The parts are what OpenMLS keeps of a `PublicGroup`, in postcard's encoding of serde's data model, in which OpenMLS's
//! state has a stable numbering. They were validated before they were stored, and are not validated again: that would cost a
//! signature for each leaf. So they are for one's own disk, not for the wire. The roster, of a group of people, is as its
//! author has written it.

use std::borrow::Cow;
use std::cell::RefCell;

use openmls_traits::public_storage::PublicStorageProvider;
use openmls_traits::storage::{CURRENT_VERSION, traits};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::roster::Roster;

const VERSION: u8 = 1;

/// Why stored bytes are no group.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another build has stored it.
    #[error("state of a group in version {0}")]
    Version(u8),
    /// Damaged, or never written by us.
    #[error("damaged state of a group")]
    Damaged,
    /// OpenMLS's state has no encoding in postcard.
    #[error("state of a group")]
    Codec(#[from] postcard::Error),
}

/// The parts of a group's state, each in postcard's encoding. It stands in for the storage that OpenMLS wants to have, and
/// keeps one group, whichever name it is asked for.
#[derive(Default)]
pub(super) struct Parts<'a>(RefCell<[Cow<'a, [u8]>; PARTS]>);

const PARTS: usize = 5;
const TREE: usize = 0;
const CONTEXT: usize = 1;
const TRANSCRIPT: usize = 2;
const TAG: usize = 3;
const ROSTER: usize = 4;

impl<'a> Parts<'a> {
    pub(super) fn encode(self) -> Vec<u8> {
        let parts = self.0.into_inner();
        let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| 4 + part.len()).sum::<usize>());
        bytes.push(VERSION);
        // Without a roster it ends before that.
        let used = if parts[ROSTER].is_empty() { ROSTER } else { PARTS };
        for part in &parts[..used] {
            let len = u32::try_from(part.len()).expect("a group of a thousand leaves has a few megabytes");
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, StateError> {
        let (version, mut rest) = bytes.split_first().ok_or(StateError::Damaged)?;
        if *version != VERSION {
            return Err(StateError::Version(*version));
        }
        let mut parts: [Cow<'a, [u8]>; PARTS] = Default::default();
        for (which, part) in parts.iter_mut().enumerate() {
            if which == ROSTER && rest.is_empty() {
                break;
            }
            let (len, after) = rest.split_first_chunk().ok_or(StateError::Damaged)?;
            let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| StateError::Damaged)?;
            let (bytes, after) = after.split_at_checked(len).ok_or(StateError::Damaged)?;
            *part = Cow::Borrowed(bytes);
            rest = after;
        }
        if rest.is_empty() { Ok(Self(RefCell::new(parts))) } else { Err(StateError::Damaged) }
    }

    pub(super) fn set_roster(&self, roster: Option<&Roster>) {
        self.0.borrow_mut()[ROSTER] = roster.map(Roster::encode).map(Cow::Owned).unwrap_or_default();
    }

    pub(super) fn roster(&self) -> Result<Option<Roster>, StateError> {
        let parts = self.0.borrow();
        let stored = Some(&parts[ROSTER]).filter(|roster| !roster.is_empty());
        stored.map(|roster| Roster::decode_admitted(roster).map_err(|_| StateError::Damaged)).transpose()
    }

    fn write(&self, which: usize, value: &impl Serialize) -> Result<(), postcard::Error> {
        self.0.borrow_mut()[which] = Cow::Owned(postcard::to_allocvec(value)?);
        Ok(())
    }

    fn clear(&self, which: usize) -> Result<(), postcard::Error> {
        self.0.borrow_mut()[which] = Cow::default();
        Ok(())
    }

    fn read<T: DeserializeOwned>(&self, which: usize) -> Result<Option<T>, postcard::Error> {
        let parts = self.0.borrow();
        if parts[which].is_empty() { Ok(None) } else { postcard::from_bytes(&parts[which]).map(Some) }
    }
}

impl PublicStorageProvider<CURRENT_VERSION> for Parts<'_> {
    type PublicError = postcard::Error;

    fn write_tree<G: traits::GroupId<CURRENT_VERSION>, T: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
        tree: &T,
    ) -> Result<(), postcard::Error> {
        self.write(TREE, tree)
    }

    fn write_interim_transcript_hash<
        G: traits::GroupId<CURRENT_VERSION>,
        H: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        _group_id: &G,
        hash: &H,
    ) -> Result<(), postcard::Error> {
        self.write(TRANSCRIPT, hash)
    }

    fn write_context<G: traits::GroupId<CURRENT_VERSION>, C: traits::GroupContext<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
        context: &C,
    ) -> Result<(), postcard::Error> {
        self.write(CONTEXT, context)
    }

    fn write_confirmation_tag<G: traits::GroupId<CURRENT_VERSION>, T: traits::ConfirmationTag<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
        tag: &T,
    ) -> Result<(), postcard::Error> {
        self.write(TAG, tag)
    }

    fn tree<G: traits::GroupId<CURRENT_VERSION>, T: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
    ) -> Result<Option<T>, postcard::Error> {
        self.read(TREE)
    }

    fn group_context<G: traits::GroupId<CURRENT_VERSION>, C: traits::GroupContext<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
    ) -> Result<Option<C>, postcard::Error> {
        self.read(CONTEXT)
    }

    fn interim_transcript_hash<
        G: traits::GroupId<CURRENT_VERSION>,
        H: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        _group_id: &G,
    ) -> Result<Option<H>, postcard::Error> {
        self.read(TRANSCRIPT)
    }

    fn confirmation_tag<G: traits::GroupId<CURRENT_VERSION>, T: traits::ConfirmationTag<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
    ) -> Result<Option<T>, postcard::Error> {
        self.read(TAG)
    }

    // Proposals are taken inside commits only, so none waits.

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        Q: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _group_id: &G,
        _reference: &R,
        _proposal: &Q,
    ) -> Result<(), postcard::Error> {
        Err(postcard::Error::WontImplement)
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        Q: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _group_id: &G,
    ) -> Result<Vec<(R, Q)>, postcard::Error> {
        Ok(Vec::new())
    }

    fn remove_proposal<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
        _reference: &R,
    ) -> Result<(), postcard::Error> {
        Ok(())
    }

    fn clear_proposal_queue<G: traits::GroupId<CURRENT_VERSION>, R: traits::ProposalRef<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
    ) -> Result<(), postcard::Error> {
        Ok(())
    }

    fn delete_tree<G: traits::GroupId<CURRENT_VERSION>>(&self, _group_id: &G) -> Result<(), postcard::Error> {
        self.clear(TREE)
    }

    fn delete_confirmation_tag<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
    ) -> Result<(), postcard::Error> {
        self.clear(TAG)
    }

    fn delete_context<G: traits::GroupId<CURRENT_VERSION>>(&self, _group_id: &G) -> Result<(), postcard::Error> {
        self.clear(CONTEXT)
    }

    fn delete_interim_transcript_hash<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _group_id: &G,
    ) -> Result<(), postcard::Error> {
        self.clear(TRANSCRIPT)
    }
}
