//! Questions on the terminal, answered without an echo.

use std::io::{IsTerminal as _, Write as _};

use zeroize::Zeroizing;

use crate::exit::Exit;
use crate::failure::Failure;

/// Whether somebody is there to be asked. Standard input may be a pipe with the text to send: questions go to the
/// terminal itself.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

/// Asks for a secret. If the answer is not waited for (Ctrl-C), the terminal shows again what is typed.
pub(crate) async fn secret(question: String) -> Result<Zeroizing<String>, Failure> {
    let _echo = Echo::to_be_restored();
    let answer = tokio::task::spawn_blocking(move || rpassword::prompt_password(question).map(Zeroizing::new)).await;
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::Interrupted => {
            Err(Failure::Interrupted(Exit::Interrupted))
        }
        Ok(Err(error)) => Err(Failure::Input(error.to_string())),
        Err(error) => Err(Failure::Input(error.to_string())),
    }
}

/// Asks for a line that may be seen.
pub(crate) async fn line(question: String) -> Result<String, Failure> {
    let ask = move || {
        let mut terminal = std::io::stderr();
        terminal.write_all(question.as_bytes())?;
        terminal.flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        Ok::<_, std::io::Error>(answer.trim().to_owned())
    };
    match tokio::task::spawn_blocking(ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Failure::Input(error.to_string())),
        Err(error) => Err(Failure::Input(error.to_string())),
    }
}

/// The terminal's settings, put back when this is dropped.
struct Echo {
    #[cfg(unix)]
    before: Option<(std::fs::File, rustix::termios::Termios)>,
}

impl Echo {
    #[cfg(unix)]
    fn to_be_restored() -> Self {
        let before = std::fs::File::open("/dev/tty").ok().and_then(|terminal| {
            let settings = rustix::termios::tcgetattr(&terminal).ok()?;
            Some((terminal, settings))
        });
        Self { before }
    }

    #[cfg(not(unix))]
    fn to_be_restored() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Echo {
    fn drop(&mut self) {
        if let Some((terminal, settings)) = &self.before {
            // If the terminal has gone, there is nothing to restore.
            let _ = rustix::termios::tcsetattr(terminal, rustix::termios::OptionalActions::Now, settings);
        }
    }
}
