//! Why there is no configuration.

/// Characters that a key has at least: 16 of base64 are 96 bits, fewer are mostly words.
pub(crate) const SHORTEST_KEY: usize = 16;

/// Why there is no configuration. Never quotes a value: it could be a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML at line {line}: {why}")]
    Syntax {
        /// The file.
        path: String,
        /// Where.
        line: usize,
        /// What the parser says; it names keys, and no values.
        why: String,
    },
    /// A section or key that does not exist.
    #[error("unknown key `{key}` in {origin}")]
    UnknownKey {
        /// `section.key`, or a section alone.
        key: String,
        /// The file, or the environment variable.
        origin: String,
    },
    /// A value of the wrong kind, or out of range.
    #[error("the value of `{key}` does not fit: expected {expected}")]
    Value {
        /// `section.key`.
        key: String,
        /// What would fit.
        expected: String,
    },
    /// The file that a variable names, in which the value is to be, cannot be read.
    #[error("cannot read {path}, which the environment variable {variable} names")]
    ValueFile {
        /// The variable.
        variable: String,
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A value is given twice.
    #[error("the environment has both {variable} and {variable}_FILE: leave one of them out")]
    TwoValues {
        /// The variable.
        variable: String,
    },
    /// An example's placeholder is left in place of a secret.
    #[error(
        "`{key}` still holds the example's placeholder; make a secret with `openssl rand -base64 32`, or all of them with `privmsg-server init`"
    )]
    Placeholder {
        /// `section.key`.
        key: &'static str,
    },
    /// A secret that could be guessed.
    #[error("`{key}` is shorter than {SHORTEST_KEY} characters; make one with `openssl rand -base64 32`")]
    TooShort {
        /// `section.key`.
        key: &'static str,
    },
    /// The database lies where the server deletes files that it does not know.
    #[error("`storage.database_path` lies in `storage.files_path`; give files a folder of their own")]
    DatabaseAmongFiles,
    /// Certificates from files and from an authority at once.
    #[error("`tls.cert_path` and `tls.acme.domains` exclude each other: leave one of them out")]
    TwoCertificates,
    /// A key that another one needs is missing.
    #[error("`{key}` is needed: {why}")]
    Missing {
        /// `section.key`.
        key: &'static str,
        /// What needs it.
        why: &'static str,
    },
}
