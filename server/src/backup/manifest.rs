//! The first member of an archive: what else is in it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::secrets::generated_file_id;

/// Name of the manifest in the archive.
pub(super) const MANIFEST: &str = "manifest.json";

/// Name of the database in the archive.
pub(super) const DATABASE: &str = "privmsg.db";

/// Folder of the files in the archive.
pub(super) const FILES: &str = "files/";

/// Version of the archive's form. A reader knows this one.
pub(super) const FORMAT: u32 = 1;

/// What is in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// [`FORMAT`].
    pub(crate) format: u32,
    /// `privmsg-server`.
    pub(crate) product: String,
    /// Version of the server that has made it.
    pub(crate) version: String,
    /// Number of the last migration of the database.
    pub(crate) schema_version: i64,
    /// Users that the database has: people tell one database from another by it.
    pub(crate) users: u64,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// The database.
    pub(crate) database: Member,
    /// Uploaded files.
    pub(crate) files: Vec<Member>,
    /// Files that rows of the database name, and that were gone: deleted while the backup was made.
    pub(crate) missing: Vec<String>,
}

/// One member of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Name in the archive.
    pub(crate) name: String,
    /// Bytes.
    pub(crate) size: u64,
    /// SHA-256 in hexadecimal.
    pub(crate) sha256: String,
}

impl Manifest {
    /// Bytes of all members together.
    pub(crate) fn total(&self) -> u64 {
        self.members().map(|member| member.size).sum()
    }

    /// All members in the order of the archive.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.database).chain(&self.files)
    }

    /// Why it cannot be a manifest of ours, if so. Names decide where a restored member is written.
    pub(super) fn fault(&self) -> Option<String> {
        if self.product != env!("CARGO_PKG_NAME") || self.database.name != DATABASE {
            return Some("its list of contents is not one of this server".to_owned());
        }
        let mut names = HashMap::new();
        for file in &self.files {
            let id = file.name.strip_prefix(FILES).and_then(generated_file_id);
            if id.is_none() || names.insert(&file.name, ()).is_some() {
                return Some(format!("its list of contents names {:?}", file.name));
            }
        }
        None
    }
}
