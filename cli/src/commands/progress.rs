//! A bar for transfers, on a terminal only.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::lang::Lang;
use crate::output::Output;

use super::units::size;

/// Drawing more often costs more than it tells.
const REDRAW: Duration = Duration::from_millis(100);

const WIDTH: u64 = 30;

/// Clones draw the same bar.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    bar: Option<Arc<Mutex<Bar>>>,
}

#[derive(Debug)]
struct Bar {
    lang: Lang,
    label: String,
    drawn: Option<Instant>,
}

impl Progress {
    /// Draws nothing unless somebody watches.
    pub(super) fn new(output: &Output, label: String) -> Self {
        let bar = Bar { lang: output.lang(), label, drawn: None };
        Self { bar: output.is_watched().then(|| Arc::new(Mutex::new(bar))) }
    }

    /// What is shown from now on is this.
    pub(super) fn says(&self, label: String) {
        if let Some(bar) = &self.bar {
            bar.lock().unwrap_or_else(PoisonError::into_inner).label = label;
        }
    }

    pub(super) fn show(&self, done: u64, total: u64) {
        let Some(bar) = &self.bar else { return };
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if done < total && bar.drawn.is_some_and(|last| now - last < REDRAW) {
            return;
        }
        bar.drawn = Some(now);
        draw(&format!("\r\x1b[K{}", bar.line(done, total)));
    }

    /// Makes room for other output.
    pub(super) fn clear(&self) {
        let Some(bar) = &self.bar else { return };
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        if bar.drawn.take().is_some() {
            draw("\r\x1b[K");
        }
    }
}

impl Bar {
    fn line(&self, done: u64, total: u64) -> String {
        let share = |of: u64| u128::from(done.min(total)) * u128::from(of) / u128::from(total.max(1));
        let filled = usize::try_from(share(WIDTH)).unwrap_or_default();
        let empty = usize::try_from(WIDTH).unwrap_or_default() - filled;
        format!(
            "{} [{}{}] {:>3} %  {} / {}",
            self.label,
            "#".repeat(filled),
            " ".repeat(empty),
            share(100),
            size(self.lang, done),
            size(self.lang, total)
        )
    }
}

fn draw(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // If the terminal has gone, so has whoever watched.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_at_the_end_and_never_overflows() {
        let bar = Bar { lang: Lang::En, label: "up".to_owned(), drawn: None };
        assert!(bar.line(0, 0).contains("  0 %"));
        assert!(bar.line(u64::MAX, u64::MAX).contains(&"#".repeat(30)));
        assert_eq!(bar.line(500, 1000), format!("up [{}{}]  50 %  500 B / 1.0 kB", "#".repeat(15), " ".repeat(15)));
    }
}
