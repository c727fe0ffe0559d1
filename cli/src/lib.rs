//! The terminal client `privmsg`: for people over ssh, and for scripts.
//!
//! ```text
//! args ──▶ commands ──▶ profile (folder, key of the database, prompts)
//!              │
//!              ├──▶ seat    the engine of this profile, ours or another process's
//!              └──▶ output  text for people, JSON for scripts; failure ──▶ sentence, code, exit code
//! ```
//!
//! All sentences are in [`lang`], in English and Russian. Whatever other people wrote goes through [`foreign`] before it
//! reaches a terminal.

mod args;
mod chat_name;
mod commands;
mod editor;
mod exit;
mod failure;
pub mod lang;
mod logging;
mod output;
mod profile;
mod prompt;
mod qr;
mod screen;
mod signals;
mod which;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

pub use exit::Exit;

use privmsg_client::foreign;

use args::{Args, Manner};
use commands::Session;
use failure::Failure;
use output::Output;

/// How long a prompt or a file operation that cannot be interrupted may hold up the end of the program.
const GRACE: Duration = Duration::from_millis(200);

/// How long the database may take to finish what it has begun: a transaction on a slow disk.
const CLOSING: Duration = Duration::from_secs(10);

/// Runs the program with these arguments, the first of which is its own name.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    privmsg_client::hardening::protect_memory();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let manner = Manner::of(&arguments, variable);
    let output = Output::new(manner);
    let help = || args::path_of(&arguments, manner.lang);
    let exit = match args::parse(&arguments, manner.lang) {
        Ok(None) => Exit::Ok,
        Ok(Some(args)) => {
            let output = Output::new(Manner { json: args.json, ..manner });
            run(args, &output).map_or_else(|failure| output.failure(&failure, &help()), |()| Exit::Ok)
        }
        Err(failure) => output.failure(&failure, &help()),
    };
    ExitCode::from(exit.code())
}

fn run(args: Args, output: &Output) -> Result<(), Failure> {
    logging::start(args.verbose, variable("PRIVMSG_LOG").as_deref());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::Runtime)?;
    let result = runtime.block_on(async {
        let session = Session::new(args.profile, output)?;
        Box::pin(commands::run(&session, args.command)).await
    });
    runtime.shutdown_timeout(GRACE);
    if !privmsg_client::wait_until_closed(CLOSING) {
        tracing::warn!("the database is still at work");
    }
    result
}

/// An environment variable, if it is set to a text.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
