//! `privmsg-desktop`: the messenger in a window.

#![cfg_attr(windows, windows_subsystem = "windows")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use privmsg_client::Profile;
use privmsg_desktop::app;
use privmsg_desktop::lang::Lang;
use privmsg_desktop::looks::{Looks, Shade};
use privmsg_desktop::notifications::Notifier;
use privmsg_desktop::tools::Tools;
use privmsg_media::{Decoder, SoundProgram};
use tracing_subscriber::EnvFilter;

/// How long the database may take to finish what it has begun.
const CLOSING: Duration = Duration::from_secs(10);

/// PrivMsg for desktops.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// The folder of the profile; the one that `privmsg` uses, without it.
    #[arg(long, env = "PRIVMSG_PROFILE")]
    profile: Option<PathBuf>,
    /// Language: en or ru; as it is set, or as the system says, without it.
    #[arg(long, env = "PRIVMSG_LANG")]
    lang: Option<Lang>,
    /// Light, dark, or as the system is; as it is set, without it.
    #[arg(long, env = "PRIVMSG_THEME")]
    theme: Option<Shade>,
}

fn main() -> ExitCode {
    let begun = Instant::now();
    if let Some(code) = privmsg_media::run_if_asked() {
        return code;
    }
    privmsg_client::hardening::protect_memory();
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let Some(profile) = arguments.profile.map(Profile::at).or_else(Profile::of_user) else {
        eprintln!("privmsg-desktop: neither --profile nor the environment says where profiles are");
        return ExitCode::FAILURE;
    };
    let kept = Looks::of(&profile);
    let (lang, shade) = (arguments.lang.or(kept.lang), arguments.theme.unwrap_or(kept.shade));
    let looks = Looks { lang, shade, ..kept };
    // Where the system says nothing of it, people look beside their other files.
    let downloads = dirs::download_dir().or_else(dirs::home_dir).unwrap_or_else(std::env::temp_dir);
    let tools = Tools {
        downloads: downloads.into(),
        decoder: Decoder::of_this_program(),
        sound: Arc::new(SoundProgram::beside_this_program()),
        notifier: Notifier::of_desktop(),
        traced_since: std::env::var_os("PRIVMSG_TRACE_START").map(|_| begun),
    };
    let ran = app::program(profile, tools, looks).run();
    if !privmsg_client::wait_until_closed(CLOSING) {
        tracing::warn!("the database is still at work");
    }
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("privmsg-desktop: the window cannot be opened: {error}");
            ExitCode::FAILURE
        }
    }
}
