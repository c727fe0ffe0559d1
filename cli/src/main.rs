//! The terminal client.

use std::process::ExitCode;

fn main() -> ExitCode {
    privmsg_cli::main(std::env::args_os())
}
