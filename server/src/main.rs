//! `privmsg-server`: see `--help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    privmsg_server::cli::main()
}
