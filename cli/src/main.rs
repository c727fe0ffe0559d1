//! The terminal client.

use std::process::ExitCode;

fn main() -> ExitCode {
    // This program is also the process that decodes what others have sent.
    if let Some(code) = privmsg_media::run_if_asked() {
        return code;
    }
    privmsg_cli::main(std::env::args_os())
}
